# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# SIGKILL before every call that changes files, and at random moments. To be sourced.

# strace ignores names marked "?" that the kernel does not have.
FILE_CALLS="rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir mkdir mkdirat openat"
FILE_CALLS+=" ftruncate fallocate fsync fdatasync flock write pwrite64 sendfile copy_file_range"
STRACE=(strace -f -qq)

can_trace() { "${STRACE[@]}" -o /dev/null -e trace=openat true 2>/dev/null; }

# file_calls: prints "NAME N" for each call of the run that changes files: the Nth NAME of a thread, as strace counts.
file_calls() {
  local folder=$WORK/$ROW.trace traced=${FILE_CALLS// /,?}
  rm -rf "$folder" && mkdir -p "$WORK/$ROW"
  cp -a "$BASE" "$folder"
  in_folder "$folder" timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "${STRACE[@]}" -y -s 200 -e signal=none -o "$folder.calls" \
    -e "trace=?$traced" "$FORGEDIT" "${COMMAND[@]}"
  awk -v folder="$folder" '
    $2 !~ /^[a-z0-9_]+\(/ { next }
    {
      name = $2
      sub(/\(.*/, "", name)
      count = ++seen[$1, name]
    }
    name == "openat" && !/O_CREAT|O_TMPFILE/ { next }
    name == "openat" && /"\/(dev|proc|sys)\// { next }
    name ~ /^(write|pwrite64|sendfile|flock|f.*sync)$/ && !index($0, "<" folder "/") { next }
    { print name, count }' "$folder.calls" | awk '!seen[$0]++'
  rm -rf "$folder" "$folder".*
}

# kill_at ID NAME N: kills the program before that call.
kill_at() {
  begin "$1"
  local traced=("${STRACE[@]}" -o /dev/null -e "trace=$2" -e "inject=$2:signal=SIGKILL:when=$3" "$FORGEDIT"
    "${COMMAND[@]}")
  HOW=$(quoted "${traced[@]}")
  in_folder "$TRY" timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "${traced[@]}"
  after_kill
}

# kill_after ID MILLISECONDS: kills the program after that time.
kill_after() {
  begin "$1"
  local after
  after=$(seconds "$2")
  HOW="timeout -s KILL $after $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  in_folder "$TRY" timeout -s KILL "$after" "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}"
  after_kill
}

after_kill() {
  if [ "$CODE" -ne 137 ]; then
    judge
    echo "$ROW" >>"$WORK/late"
  fi
  check_broken
  check_again
  end
}

kills_of() {
  prepare "$1"
  local i took name n most
  took=$(cat "$REFERENCE.ok")
  if [ -n "$TRACE" ]; then
    file_calls >"$REFERENCE.calls"
    for name in $FILE_CALLS; do
      most=8
      [[ $name == rename* || $name == link* ]] && most=80
      case $QUICK-$name in
        1-rename*) most=3 ;;
        1-openat | 1-write | 1-unlink | 1-mkdir) most=1 ;;
        1-*) continue ;;
      esac
      grep "^$name " "$REFERENCE.calls" | spread "$most" >"$REFERENCE.moments"
      while read -r name n; do in_pool kill_at "$name-$n" "$name" "$n"; done <"$REFERENCE.moments"
    done
  fi
  for ((i = 0; i < ${QUICK:+-9} + 10; i++)); do
    below 1000
    in_pool kill_after "random-$i" $((took * (150 + REPLY) / 1000))
  done
}

try_kills() {
  local scenario
  TRACE=1
  can_trace || {
    TRACE=''
    note "kills at each file-system call: strace may not trace here"
  }
  for scenario in $SCENARIOS; do row "kills/$scenario" kills_of "$scenario"; done
}
