#!/bin/sh
# The only list of Debian packages for building and testing. Installs missing packages if run as root, otherwise prints
# the command. Prints nothing and needs no network if all are installed.
set -eu

packages="
  cmake ninja-build make g++ ccache pkg-config git clang-format-14
  clang-14 libclang-rt-14-dev
  libtorch-dev libopenblas0-pthread libdnnl-dev
  libcli11-dev nlohmann-json3-dev libspdlog-dev libutf8proc-dev
  libjpeg-dev libpng-dev libwebp-dev libheif-dev liblcms2-dev zlib1g-dev libpugixml-dev libcsv-dev libstb-dev
  libboost1.74-dev libsqlite3-dev
  libgtest-dev
  slurmctld slurmd slurm-client
"

if ! command -v dpkg-query >/dev/null 2>&1; then
  cat >&2 <<'END'
This is not a Debian system, so its packages were not checked. The build needs: CMake 3.25, Ninja, a C++20
compiler, LibTorch (1.13 or 2.x, CMAKE_PREFIX_PATH names it) with a fast BLAS, CLI11, nlohmann-json, spdlog,
utf8proc, libjpeg, libpng, libwebp, libheif, LittleCMS 2, zlib, pugixml, libcsv, stb (stb_truetype.h) and
GoogleTest. `forgedit serve` needs Boost 1.74 or newer (Beast) and SQLite 3; without them the rest is built. One test runs Slurm (slurmctld, slurmd, sbatch) on pretend nodes; without it that test is skipped.
END
  exit 0
fi

missing=""
for package in $packages; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=none
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Packages are missing. Run this, then try again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
  exit 1
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update
# shellcheck disable=SC2086  # must be split into words
apt-get install -y --no-install-recommends $missing
