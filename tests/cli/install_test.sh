#!/usr/bin/env bash
# install_test.sh FORGEDIT SOURCE_DIR BUILD_DIR: tests that the files installed by `cmake --install` work in their
# place.
BUILD=$(realpath "$3")
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"
unset FORGEDIT_ASSETS  # the program must find its own

HERE=$PWD/prefix

# shows PATTERN ARGUMENT...: expects success, and a line on stdout that matches the pattern.
shows() {
  local pattern=$1
  shift
  expect 0 "" "$@"
  grep -qE -- "$pattern" stdout || complain "forgedit $*: no '$pattern' on stdout"
}

echo "-- installing"
cmake --install "$BUILD" --prefix "$HERE" >install.log 2>&1 || complain "cmake --install: $(tail -3 install.log)"
for file in bin/forgedit share/forgedit/fonts/DejaVuSans.ttf share/forgedit/miniature/demo.png share/man/man1/forgedit.1 \
  share/man/man1/forgedit-bench-miniedit.1 share/bash-completion/completions/forgedit share/zsh/vendor-completions/_forgedit \
  share/fish/vendor_completions.d/forgedit.fish share/doc/forgedit/README.md; do
  [ -s "$HERE/$file" ] || complain "not installed: $file"
done
FORGEDIT=$HERE/bin/forgedit

echo "-- the installed program uses what lies beside it"
shows "assets +$HERE/share/forgedit" doctor
shows "LibTorch [0-9]" doctor
HF_HUB_CACHE=$PWD/nothing shows "fetch one with: hf download openai/clip" doctor
shows "a diffusers folder" inspect "$HERE/share/forgedit/miniature/model"

echo "-- manual pages"
shows "^\.SS Sampling" man edit
expect 2 "unknown command 'edti'" man edti
if command -v man >/dev/null; then
  [ -z "$(man --warnings -l "$HERE/share/man/man1/forgedit-edit.1" 2>&1 >/dev/null)" ] || complain "man warns of forgedit-edit.1"
fi

echo "-- completion in bash"
completed() { # WORD...: completions of the last word
  bash -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _forgedit; printf "%s\n" "${COMPREPLY[@]}"' \
    "$HERE/share/bash-completion/completions/forgedit" "$@"
}
[ "$(completed forgedit ins)" = inspect ] || complain "completion of a command: $(completed forgedit ins)"
completed forgedit bench mini | grep -qx miniedit || complain "completion of a benchmark"
[ "$(completed forgedit edit --guidance-)" = --guidance-scale ] || complain "completion of an option"
[ "$(completed forgedit edit --interpolation '' | tr '\n' ' ')" = "vs vp " ] || complain "completion of a choice"
touch a-picture.png
[ "$(completed forgedit edit a-pic)" = a-picture.png ] || complain "completion of a file"
expect 2 "expected bash, zsh or fish, got tcsh" completion tcsh

end_of_test
