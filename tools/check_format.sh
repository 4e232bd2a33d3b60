#!/usr/bin/env bash
# Checks every C++ file against .clang-format; `--fix` rewrites files. Other versions of clang-format differ.
set -euo pipefail
cd "$(dirname "$0")/.."

arguments=(--dry-run --Werror)
if [ "${1-}" = --fix ]; then arguments=(-i); fi
tools/list_files.sh '*.cpp' '*.h' | xargs -0 clang-format-14 --style=file "${arguments[@]}"
