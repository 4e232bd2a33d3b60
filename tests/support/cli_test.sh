# shellcheck shell=bash
# The common beginning and end of the scripts in tests/cli. To be sourced with the arguments FORGEDIT SOURCE_DIR.
set -u
FORGEDIT=$(realpath "$1")
SOURCE_DIR=$(realpath "$2")
MODEL=$SOURCE_DIR/tests/golden/tiny-sd
export FORGEDIT_ASSETS=$SOURCE_DIR/assets
# Threads must not spin while they wait, because tests share their cores.
export OMP_WAIT_POLICY=passive
. "$SOURCE_DIR/tests/support/good_picture.sh"

WORK=$(mktemp -d)
MOUNTED=
cleanup() {
  [ -n "$MOUNTED" ] && umount "$MOUNTED"
  rm -rf "$WORK"
}
trap cleanup EXIT
cd "$WORK" || exit 1
FAILED=0

complain() {
  echo "FAIL: $1"
  sed 's/^/    /' stderr | tail -8
  FAILED=$((FAILED + 1))
}

# expect CODE MESSAGE_PART ARGUMENT...
expect() {
  local code=$1 part=$2
  shift 2
  "$FORGEDIT" "$@" >stdout 2>stderr
  local got=$?
  [ $got -eq "$code" ] || complain "forgedit $*: exit code $got, expected $code"
  [ -z "$part" ] || grep -qF -- "$part" stderr || complain "forgedit $*: no '$part' on stderr"
}

# within SECONDS COMMAND...: repeats the command until it succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

end_of_test() {
  [ $FAILED -eq 0 ] && echo "all passed" || echo "$FAILED failed"
  [ $FAILED -eq 0 ]
}
