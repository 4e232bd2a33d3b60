#!/usr/bin/env bash
# Attacks a server of its own on this machine, and prints what came of it: refused requests, slow clients, limits, memory.
# Fails where an answer is not the expected one, or the server is slow or grows. Needs node.
# usage: tools/attack_server.sh [FORGEDIT]
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
forgedit=$(realpath "${1:-$root/build/release/bin/forgedit}")
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
ulimit -n 4096
"$forgedit" serve --port 0 --data "$work/data" --model "$root/tests/golden/tiny-sd" --device cpu --start paused \
  --keep-free 0 --allow-host edits.example >"$work/address" 2>"$work/log" &
server=$!
for ((i = 0; i < 200; ++i)); do
  [ ! -s "$work/address" ] || break
  sleep 0.1
done
node "$root/tools/attack_server.mjs" "$(cat "$work/address")" "$server" "$root/assets/miniature/demo.png"
kill -0 "$server" || { echo "the server has ended" && exit 1; }
if [ -s "$work/log" ]; then
  echo "the server said:"
  head -n 20 "$work/log"
fi
