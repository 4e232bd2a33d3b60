# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Limits of a process: file sizes, memory, stack, descriptors, threads. To be sourced.

# limited ID OPTION VALUE [USER THREADS]: runs COMMAND under `ulimit OPTION VALUE`, with USER (a number) and THREADS if
# given.
limited() {
  local option=$2 value=$3 user=${4-} as=() run short=$SHORT took i
  begin "$1"
  run=("${COMMAND[@]}")
  for i in "${!run[@]}"; do [ "${run[i]}" = --threads ] && run[i + 1]=${5:-1}; done
  if [ -n "$user" ]; then
    as=(setpriv --reuid="$user" --regid="$user" --clear-groups)
    chown -R "$user" "$TRY"
  fi
  # Twenty seconds are plenty for a run of one or two seconds, unless the machine is busy.
  took=$(cat "$REFERENCE.ok")
  [ $((took / 100)) -gt "$short" ] && short=$((took / 100))
  local limit="ulimit $option $value && exec \"\$@\"" inside
  inside=("${as[@]}" bash -c "$limit" bash)
  HOW="$(quoted timeout -k 15 "$short" "${inside[@]}" "$FORGEDIT" "${run[@]}")"
  # If nothing can start under the limit, it tells nothing about the program.
  if ! "${inside[@]}" /bin/true 2>/dev/null; then
    rm -rf "$TRY"
    return
  fi
  in_folder "$TRY" "${CLEAN[@]}" timeout -k 15 "$short" "${inside[@]}" "$FORGEDIT" "${run[@]}"
  judge "$short" && [ "$CODE" -eq 2 ] && violation unclear "a limit is no usage error: $(last_words)"
  local extra
  if [ "$CODE" -eq 0 ]; then
    extra=$(compare "$TRY" "$REFERENCE" | head -1)
    [ -z "$extra" ] || violation "other bytes" "exit 0: $extra"
  else
    extra=$(temporary "$TRY")
    [ -z "$extra" ] || violation "left over" "$extra"
    check_broken
    if [ -n "$extra" ] || [ "$option" = -f ]; then
      [ -z "$user" ] || chown -R 0 "$TRY"
      check_again
    fi
  fi
  end
}

# peaks: sets PEAK and PEAK_DATA to the peak VmSize and VmData (KiB) of an unbroken run.
peaks() {
  local folder=$WORK/$ROW.peak pid value
  mkdir -p "$WORK/$ROW"
  cp -a "$BASE" "$folder"
  PEAK=0 PEAK_DATA=0
  (cd "$folder" && exec "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}") >"$folder.out" 2>"$folder.err" </dev/null &
  pid=$!
  while kill -0 $pid 2>/dev/null; do
    value=$(sed -n 's/^VmPeak:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
    [ "${value:-0}" -gt "$PEAK" ] && PEAK=$value
    value=$(sed -n 's/^VmData:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
    [ "${value:-0}" -gt "$PEAK_DATA" ] && PEAK_DATA=$value
    sleep 0.02
  done
  wait $pid
  rm -rf "$folder" "$folder".*
}

file_sizes_of() {
  prepare "$1"
  local size sizes="1 2 4 8 16 64 300 600 1200 2000 3300 5000"
  [ -n "$QUICK" ] && sizes="2 600"
  for size in $sizes; do in_pool limited "$size" -f "$size"; done
}

# memory_of SCENARIO OPTION: tries limits from barely enough to start to enough for the run.
memory_of() {
  prepare "$1"
  peaks
  local most=$PEAK count=40 from=30 i value
  [ "$2" = -d ] && most=$PEAK_DATA from=2
  [ -n "$QUICK" ] && count=5
  for ((i = 0; i < count; i++)); do
    value=$((most * (from * count + (105 - from) * i) / count / 100))
    in_pool limited "$value" "$2" "$value"
  done
}

# small_of SCENARIO OPTION VALUE...: tries the scenario under each value of the limit.
small_of() {
  prepare "$1"
  local value
  for value in "${@:3}"; do in_pool limited "$value" "$2" "$value"; done
}

threads_of() {
  prepare "$1"
  local value threads user
  for threads in 1 4; do
    for value in 1 2 3 4 5 8; do
      [ -n "$QUICK" ] && [ $value -gt 2 ] && continue
      # The limit counts all processes of a user, so each try has its own user.
      below 1000000
      user=$((1000000 + REPLY))
      in_pool limited "$value-of-$threads" -u $value $user $threads
    done
  done
  # A run that needs no additional threads meets the limit later.
  wait
  export OPENBLAS_NUM_THREADS=1
  for threads in 1 4; do
    below 1000000
    in_pool limited "alone-of-$threads" -u 1 $((1000000 + REPLY)) $threads
  done
  wait
  unset OPENBLAS_NUM_THREADS
}

try_limits() {
  row limits/file-learn file_sizes_of learn
  row limits/file-over file_sizes_of over
  row limits/file-sweep file_sizes_of sweep
  row limits/file-single file_sizes_of single
  row limits/space memory_of sweep -v
  row limits/space-learn memory_of learn -v
  row limits/data memory_of sweep -d
  if [ -n "$QUICK" ]; then
    row limits/stack small_of sweep -s 32 128 1024
    row limits/files small_of sweep -n 4 8 16
  else
    row limits/stack small_of sweep -s 16 32 64 128 256 1024 8192
    row limits/files small_of sweep -n 3 4 5 6 8 12 16 24 32 64
  fi
  if [ "$(id -u)" -ne 0 ]; then
    note "limits/threads: another user needs root"
  elif ! setpriv --reuid=1000000 --regid=1000000 --clear-groups test -x "$FORGEDIT" -a -r "$MODEL/model_index.json"; then
    note "limits/threads: other users may not read $FORGEDIT or $MODEL"
  else
    row limits/threads threads_of sweep
  fi
}
