#!/usr/bin/env bash
# Kills a server of its own, or its worker, at random moments of jobs, and compares what comes out in the end with the
# command line's pictures; then runs jobs in a row and prints what server and worker take at the first and the last.
# usage: tools/kill_server.sh [--kills N] [--jobs N] [--seed N] [FORGEDIT]
#
#   --kills N   tries, each with one kill (20)
#   --jobs N    jobs in a row (50)
#   --seed N    of the random moments (another one each time)
set -euo pipefail
export LC_ALL=C OMP_WAIT_POLICY=passive
root=$(realpath "$(dirname "$0")/..")
kills=20 jobs=50 seed=$RANDOM
while [ $# -gt 0 ]; do
  case $1 in
    --kills) kills=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    -*) echo "kill_server.sh: unknown option $1" >&2 && exit 2 ;;
    *) break ;;
  esac
  shift
done
forgedit=$(realpath "${1:-$root/build/release/bin/forgedit}")
RANDOM=$seed
work=$(mktemp -d)
server=0
clean_up() {
  [ "$server" = 0 ] || kill -KILL "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
cp "$root/assets/miniature/demo.png" picture.png
options=(--model "$root/tests/golden/tiny-sd" --device cpu --threads 1)
variants=4 target="a blue square"
settings='"size": "64x64", "samples": 40, "batch": 2, "steps": 15, "gamma": "0.6:1.2:0.1"'

start_server() {
  : >address
  "$forgedit" serve "${options[@]}" --data data --port 0 --keep-free 0 >address 2>>log &
  server=$!
  disown "$server"  # otherwise the shell prints a message when it is killed
  until [ -s address ]; do sleep 0.05; done
  url=$(cat address)
}
worker() { pgrep -P "$server" | head -n 1; }
ask() { curl -sS --max-time 20 "$@" 2>>log; }
add_job() { # JSON
  ask -H 'Content-Type: application/json' --data "$1" "${url}api/v1/jobs" | sed -n 's/.*"id":"\([2-7a-z]\{26\}\)","kind".*/\1/p'
}
state_of() { ask "${url}api/v1/jobs/$1" | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p' | head -n 1; }
wait_for() { # JOB
  local i state=
  for ((i = 0; i < 1200; ++i)); do
    state=$(state_of "$1")
    case $state in
      done | failed | cancelled) break ;;
    esac
    sleep 0.1
  done
  [ "$state" = "done" ] || echo "job $1 is ${state:-unknown}"
}
# A waiting job has no folder yet.
stamps() { { find "data/jobs/$1" -maxdepth 1 -name '[0-9]*.png' -printf '%f %i %T@\n' 2>/dev/null || true; } | sort; }
resident() { awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

for ((i = 0; i < variants; ++i)); do
  "$forgedit" edit picture.png "$target" "${options[@]}" --source "a square $i" --size 64x64 --samples 40 --batch 2 \
    --steps 15 --gamma 0.6:1.2:0.1 --draw-batch 1 --out "reference$i" >/dev/null 2>>log
done
start_server
upload=$(ask -H 'Content-Type: image/png' --data-binary @picture.png "${url}api/v1/pictures" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
running=0 planned=0 found=0 twice=0 differing=0 of_server=0 not_done=0
for ((try = 0; try < kills; ++try)); do
  i=$((try % variants))
  job=$(add_job "{\"picture\": \"$upload\", \"source\": \"a square $i\", \"target\": \"$target\", $settings}")
  sleep "$(printf '%d.%03d' $((RANDOM % 4)) $((RANDOM % 1000)))"
  stamps "$job" >before
  [ "$(state_of "$job")" != running ] || running=$((running + 1))
  if [ $((RANDOM % 2)) = 0 ] || [ -z "$(worker)" ]; then
    of_server=$((of_server + 1))
    kill -KILL "$server"
    while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
    start_server
  else
    kill -KILL "$(worker)" 2>/dev/null || true
  fi
  wait_for "$job" >ended
  if [ -s ended ]; then
    cat ended
    not_done=$((not_done + 1))
  fi
  stamps "$job" >after
  # The last picture at the time of the kill may not be recorded yet.
  twice=$((twice + $(head -n -1 before | comm -23 - after | wc -l)))
  for file in "reference$i"/[0-9]*.png; do
    planned=$((planned + 1))
    name=$(basename "$file")
    [ ! -f "data/jobs/$job/$name" ] || found=$((found + 1))
    cmp -s "$file" "data/jobs/$job/$name" || differing=$((differing + 1))
  done
done
left=$(find data -name '*.tmp*' | wc -l)
# Counts folders without a row in the database: a start removes those left by a kill.
kill -KILL "$server"
while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
start_server
orphans=0
if command -v sqlite3 >/dev/null; then
  known=$(sqlite3 data/forgedit.db 'SELECT id FROM job UNION SELECT id FROM upload')
  orphans=$(find data/jobs data/exports data/pictures -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -cvxF "$known" || true)
fi
echo "$kills kills ($of_server of the server, $running while the job ran), seed $seed: $planned pictures planned, $found found, $twice drawn twice, $differing differing," \
  "$not_done jobs not done, $left temporary files and $orphans folders of nobody left"
if command -v sqlite3 >/dev/null; then echo "database: $(sqlite3 data/forgedit.db 'PRAGMA integrity_check')"; fi

first=
for ((i = 1; i <= jobs; ++i)); do
  wait_for "$(add_job "{\"picture\": \"$upload\", \"source\": \"a square 0\", \"target\": \"$target\", \"gamma\": $((i % 5 + 1)), \"seed\": 0, \"size\": \"64x64\", \"samples\": 40, \"batch\": 2, \"steps\": 4}")"
  memory="server $(resident "$server") MiB, worker $(resident "$(worker)") MiB"
  [ "$i" != 5 ] || echo "after 5 jobs: $memory"
  first=${first:-$memory}
done
echo "$jobs jobs in a row: after the first $first; after the last $memory"
[ $((planned - found + twice + differing + not_done + left + orphans)) = 0 ]
