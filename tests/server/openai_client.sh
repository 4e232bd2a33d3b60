#!/usr/bin/env bash
# openai_client.sh FORGEDIT: tests `forgedit serve` with OpenAI's npm client. Needs node, and npm to fetch the client.
set -euo pipefail
forgedit=$(realpath "$1")
root=$(realpath "$(dirname "$0")/../..")
cd "$root/tests/server"
if [ ! -d node_modules/openai ] && ! npm ci --no-audit --no-fund --loglevel=error; then
  echo "skipped: npm cannot fetch the client"
  exit 0
fi
. "$root/tools/start_server.sh"
start_server "$forgedit"
node openai_client.mjs "$address" "$root/assets/miniature/demo.png"
