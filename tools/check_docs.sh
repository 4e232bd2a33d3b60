#!/usr/bin/env bash
# Checks that every path of the repository that a page names in backticks or links exists, that every page begins with a
# heading, that docs/environment.md has every environment variable, and that no source is longer than 500 lines. Prints
# file:line and fails if something is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/list_files.sh '*.md' >/dev/null  # fails here, where the shell notices
bad=0
complain() {
  echo "$1"
  bad=1
}

# Reads NUL-separated pages, prints file:line:name for every `name` and [text](name) outside fenced blocks.
names() {
  xargs -0 awk '
    FNR == 1 { fenced = 0 }
    /^[ \t]*```/ { fenced = !fenced; next }
    fenced { next }
    {
      rest = $0
      while (match(rest, /`[^`]+`/)) {
        print FILENAME ":" FNR ":" substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, RSTART + RLENGTH)
      }
      rest = $0
      while (match(rest, /\]\([^)]+\)/)) {
        print FILENAME ":" FNR ":link " substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
      }
    }'
}

while IFS=: read -r page line name; do
  case $name in
    "link "*://* | "link #"* | "link mailto:"*) continue ;;
    "link "*) path=${name#link } path=${path%%#*} ;;
    # In backticks: names that start with one of our folders and contain only path characters.
    apps/* | assets/* | cmake/* | docs/* | forgedit/* | fuzz/* | tests/* | tools/* | .ci/*)
      [[ $name =~ ^[A-Za-z0-9_./+-]+$ ]] || continue
      path=$name
      ;;
    *) continue ;;
  esac
  if [ ! -e "$path" ] && [ ! -e "$(dirname "$page")/$path" ]; then
    complain "$page:$line: $path does not exist"
  fi
done < <(tools/list_files.sh '*.md' | names)

while IFS= read -r -d '' page; do
  if [[ $(head -n 1 "$page") != "# "* ]]; then complain "$page:1: expected a heading"; fi
done < <(tools/list_files.sh '*.md')

while IFS= read -r -d '' source; do
  lines=$(wc -l <"$source")
  if [ "$lines" -gt 500 ]; then complain "$source:501: $lines lines, at most 500"; fi
done < <(tools/list_files.sh '*.cpp' '*.h' '*.sh' '*.cmake')

# Finds names in capitals in code that reads or sets the environment.
while read -r name; do
  grep -qF "\`$name\`" docs/environment.md || complain "docs/environment.md:1: $name is missing, which a program reads"
done < <(grep -rlE 'getenv|setenv' apps --include='*.cpp' | xargs grep -ohE '"[A-Z][A-Z0-9_]{2,}"' | tr -d '"' | sort -u)

exit "$bad"
