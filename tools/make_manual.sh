#!/usr/bin/env bash
# make_manual.sh FORGEDIT DIR: writes manual pages of all commands (DIR/man1), and completions for bash, zsh and fish.
set -euo pipefail
forgedit=$1 out=$2
rm -rf "$out"
mkdir -p "$out"
"$forgedit" man --out "$out/man1"
"$forgedit" completion bash >"$out/forgedit.bash"
"$forgedit" completion zsh >"$out/_forgedit"
"$forgedit" completion fish >"$out/forgedit.fish"
