#!/usr/bin/env bash
# Tries to break the program: kills, signals, full disks, limits, several processes at once, models that change
# under a run, links, workers of a list. Prints a table of figures; all of them but the tries must be 0.
# usage: tools/break_it.sh [--quick] [--only AREA[/ROW]] [--jobs N] [--seed N] [FOLDER]
#
#   --quick       a few moments of each kind: minutes instead of half an hour
#   --only        one area, or one row of it: kills signals disk limits together models links batch, kills/learn
#   --jobs N      tries at the same time (as many as processors)
#   --seed N      of the random moments (another one each time)
#   FOLDER        where to work (a new one in $TMPDIR); what broke is kept there
#
# FORGEDIT      the program (build/release/bin/forgedit)
# PATIENCE      seconds after which a run counts as hung (60)
# SHORT         the same where memory or threads are short (20)
#
# Needs strace, coreutils and util-linux. Full disks and `ulimit -u` need root; without it they are skipped with
# a note. Every fault is one line: what came, the commands that show it again in a copy of the folder where the
# try began, and the folder with what was left. Exit code 1 where there is one, 2 for a usage error.
#
# half-written  a file under its final name is not whole, or a saved edit is neither the old nor the new one
# lost          what was finished, saved or foreign is gone
# drawn twice   a finished image was generated again
# locked        the same command does not go on
# hung          no end in time, or SIGTERM did not end it within 15 s
# killed        ended by a signal that was not sent to it, or that it should have handled
# other bytes   results differ from those of an unbroken run
# left over     files that an unbroken run does not leave
# unclear       an exit code of no meaning, or not exactly one line of error
set -u
export LC_ALL=C
ROOT=$(realpath "$(dirname "$0")/..")
QUICK='' ONLY='' JOBS=$(nproc) SEED=$RANDOM WORK=''

wrong_use() {
  echo "break_it.sh: $1; see --help" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      sed -n '2,/^set -u/p' "$0" | sed -e '$d' -e 's/^# \{0,1\}//'
      exit 0
      ;;
    --quick) QUICK=1 ;;
    --only | --jobs | --seed)
      [ $# -gt 1 ] || wrong_use "$1 needs a value"
      case $1 in
        --only) ONLY=$2 ;;
        --jobs) JOBS=$2 ;;
        --seed) SEED=$2 ;;
      esac
      shift
      ;;
    -*) wrong_use "unknown option $1" ;;
    *)
      [ -z "$WORK" ] || wrong_use "expected one folder, got $WORK and $1"
      WORK=$1
      ;;
  esac
  shift
done

AREAS="kills signals disk limits together models links batch"
[[ $JOBS =~ ^[1-9][0-9]*$ ]] || wrong_use "--jobs: expected a number, got $JOBS"
[[ $SEED =~ ^[0-9]+$ ]] || wrong_use "--seed: expected a number, got $SEED"
[[ -z $ONLY || " $AREAS " == *" ${ONLY%%/*} "* ]] || wrong_use "--only: expected one of $AREAS, got $ONLY"
FORGEDIT=${FORGEDIT:-$ROOT/build/release/bin/forgedit}
[ -x "$FORGEDIT" ] || wrong_use "$FORGEDIT: no such program; build it with make, or set FORGEDIT"
FORGEDIT=$(realpath "$FORGEDIT")
command -v strace >/dev/null || wrong_use "strace is needed: apt-get install strace"
PATIENCE=${PATIENCE:-60} SHORT=${SHORT:-20}
[ -n "$WORK" ] || WORK=$(mktemp -d "${TMPDIR:-/tmp}/break_it.XXXXXX")
mkdir -p "$WORK" || exit 1
WORK=$(realpath "$WORK")
[ -z "$(ls -A "$WORK")" ] || wrong_use "$WORK is not empty"
chmod 755 "$WORK"  # other users must be able to read it

for part in common scenarios kills signals disk limits together models links batch; do
  # shellcheck source=/dev/null
  . "$ROOT/tools/break_it/$part.sh"
done
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

RANDOM=$SEED
echo "program: $FORGEDIT ($("$FORGEDIT" --version))"
echo "folder: $WORK, seed $SEED, $JOBS at a time${QUICK:+, quick}"
start=$SECONDS
make_inputs
for area in $AREAS; do
  [[ -z $ONLY || ${ONLY%%/*} == "$area" ]] && "try_$area"
done

print_violations
print_table
echo "$((SECONDS - start)) s"
grep -vE ': line [0-9]+: +[0-9]+ [A-Z]' "$WORK/shell.log" | sed 's/^/from the shell: /' | head -5
if [ -s "$WORK/violations" ]; then
  echo "what broke is kept in $WORK"
  exit 1
fi
rm -rf "$WORK"
