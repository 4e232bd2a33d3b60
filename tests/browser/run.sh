#!/usr/bin/env bash
# run.sh FORGEDIT [SHOTS [NAME...]]: tests the page of `forgedit serve` in Chromium, with the miniature. Screenshots go
# to SHOTS. NAME: only these parts (the first, flow, creates what the others use). Needs Debian's node, npm and
# chromium.
set -euo pipefail
forgedit=$(realpath "$1")
shots=$(realpath -m "${2:-$(mktemp -d)}")
shift; shift || true
cd "$(dirname "$0")"
[ -d node_modules/playwright-core ] || npm ci --no-audit --no-fund >/dev/null
mkdir -p "$shots"
exec node run.mjs "$forgedit" "$shots" "$@"
