#!/usr/bin/env bash
# openai_client.sh FORGEDIT: OpenAI's npm client against `forgedit serve`. Needs node and npm, which fetches the client.
set -euo pipefail
forgedit=$(realpath "$1")
root=$(realpath "$(dirname "$0")/../..")
cd "$root/tests/server"
if [ ! -d node_modules/openai ] && ! npm ci --no-audit --no-fund --loglevel=error; then
  echo "skipped: npm cannot fetch the client"
  exit 0
fi
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
"$forgedit" serve --port 0 --data "$work/data" --model "$root/tests/golden/tiny-sd" --device cpu >"$work/address" &
server=$!
for ((i = 0; i < 200; ++i)); do
  [ ! -s "$work/address" ] || break
  sleep 0.1
done
node openai_client.mjs "$(cat "$work/address")" "$root/assets/miniature/demo.png"
