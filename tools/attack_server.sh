#!/usr/bin/env bash
# Attacks a server that it starts on this machine, and prints the results: rejected requests, slow clients, limits,
# memory. Fails if a response is not the expected one, or if the server becomes slow or large. Needs node.
# usage: tools/attack_server.sh [FORGEDIT]
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
forgedit=$(realpath "${1:-$root/build/release/bin/forgedit}")
ulimit -n 4096
. "$root/tools/start_server.sh"
start_server "$forgedit" --start paused --keep-free 0 --allow-host edits.example
node "$root/tools/attack_server.mjs" "$address" "$server" "$root/assets/miniature/demo.png"
kill -0 "$server" || { echo "the server has ended" && exit 1; }
if [ -s "$work/log" ]; then
  echo "the server said:"
  head -n 20 "$work/log"
fi
