#!/usr/bin/env bash
# Compares the speed of two builds on one machine, on a CPU or a GPU. A person runs it before a release.
# usage: tools/compare_speed.sh OLD NEW [PAIRS] [COMMAND...]
# OLD and NEW are two `forgedit` programs. COMMAND is what both run [bench]; name its files by their full paths.
# Each run starts in an empty folder. The builds run in turn, PAIRS times [3], and every second pair begins with
# NEW. The table has one row for each time: the median of either build, then the median, the lowest and the highest
# ratio NEW / OLD of the pairs. A ratio under 1 means that NEW is faster. For `bench` each measured part has a row,
# for every other command its wall clock and its CPU time. compare_speed.tsv has every single time.
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n 's/^# usage: /usage: /p' "$0" >&2
  exit 2
fi
OLD=$(realpath "$1")
NEW=$(realpath "$2")
shift 2
PAIRS=3
if [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; then
  PAIRS=$1
  shift
fi
[ $# -gt 0 ] || set -- bench
# Subcommands of bench are whole runs without a file of times.
if [ "$1" = bench ] && [[ ${2:---} == --* ]]; then
  set -- "$@" --json parts.json
fi

RESULTS=$PWD/compare_speed.tsv
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
printf 'pair\tbuild\ttime\tseconds\n' >"$RESULTS"

# measure PAIR BUILD FORGEDIT COMMAND...: adds the times of one run to the results.
measure() {
  local pair=$1 build=$2 program=$3 folder=$WORK/run
  shift 3
  rm -rf "$folder"
  mkdir "$folder"
  echo "pair $pair of $PAIRS: $build" >&2
  local TIMEFORMAT='%R %U %S'
  if ! { time (cd "$folder" && "$program" "$@" >stdout 2>stderr); } 2>"$folder/time"; then
    echo "compare_speed.sh: $program failed: $(tail -n 1 "$folder/stderr")" >&2
    exit 1
  fi
  if [ -f "$folder/parts.json" ]; then
    sed -nE 's/^ *"([a-z0-9_]+)_s": ([0-9.e+-]+),?$/\1\t\2/p' "$folder/parts.json"
  else
    awk '{ printf "wall_clock\t%s\ncpu\t%s\n", $1, $2 + $3 }' "$folder/time"
  fi | sed "s/^/$pair\t$build\t/" >>"$RESULTS"
}

for ((pair = 1; pair <= PAIRS; ++pair)); do
  if ((pair % 2 == 1)); then
    measure "$pair" old "$OLD" "$@"
    measure "$pair" new "$NEW" "$@"
  else
    measure "$pair" new "$NEW" "$@"
    measure "$pair" old "$OLD" "$@"
  fi
done

# Not every awk can sort, so the few numbers are sorted by insertion.
awk -F '\t' '
function sort_values(values, count,   i, j, value) {
  for (i = 2; i <= count; ++i) {
    value = values[i]
    for (j = i - 1; j >= 1 && values[j] > value; --j) values[j + 1] = values[j]
    values[j + 1] = value
  }
}
function median(values, count) {
  sort_values(values, count)
  return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
}
NR > 1 {
  if (!($3 in seen)) { seen[$3] = 1; names[++rows] = $3 }
  seconds[$3, $2, $1] = $4
  if ($1 > pairs) pairs = $1
}
END {
  printf "%-16s %10s %10s   %s\n", "seconds", "old", "new", "new / old (lowest to highest)"
  for (row = 1; row <= rows; ++row) {
    name = names[row]
    for (i = 1; i <= pairs; ++i) {
      old[i] = seconds[name, "old", i]
      new[i] = seconds[name, "new", i]
      ratios[i] = old[i] > 0 ? new[i] / old[i] : 0
    }
    middle = median(ratios, pairs)
    printf "%-16s %10.4g %10.4g   %.3f (%.3f to %.3f)\n", name, median(old, pairs), median(new, pairs), middle, ratios[1], ratios[pairs]
  }
}' "$RESULTS"
