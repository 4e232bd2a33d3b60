#!/usr/bin/env bash
# Prints the project's files that match the patterns, NUL-separated: tools/list_files.sh '*.cpp' '*.h'. Includes new
# untracked files, but none that git ignores.
set -euo pipefail
cd "$(dirname "$0")/.."

found=0
while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then
    printf '%s\0' "$file"
    found=1
  fi
done < <(git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard -- "$@")
if [ "$found" = 0 ]; then
  echo "tools/list_files.sh: no files: a git checkout is needed" >&2
  exit 1
fi
