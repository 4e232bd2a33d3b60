# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Signals that ask the program to end, and closed outputs. To be sourced.

# catches PID: whether the program handles SIGINT already. Before that, signals are not tried.
catches() {
  local caught
  caught=$(sed -n 's/^SigCgt:\t*//p' "/proc/$1/status" 2>/dev/null)
  [ -n "$caught" ] && ((0x${caught: -8} & 2))
}

# signal_after ID SIGNAL MILLISECONDS: sends the signal that long after the program began to handle signals.
signal_after() {
  begin "$1"
  local pid i
  HOW="timeout -s $2 $(seconds "$3") $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  (cd "$TRY" && exec "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}") >"$TRY.out" 2>"$TRY.err" &
  pid=$!
  for ((i = 0; i < 400; i++)); do
    catches $pid && break
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
  done
  sleep "$(seconds "$3")"
  kill -s "$2" $pid 2>/dev/null
  for ((i = 0; i < 150; i++)); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 $pid 2>/dev/null; then
    violation hung "SIG$2 did not end it within 15 s"
    kill -KILL $pid
  fi
  wait $pid 2>/dev/null
  CODE=$? TOOK=0
  if [ $CODE -eq 130 ] && ! grep -qa '^forgedit: ' "$TRY.err"; then
    violation killed "died of SIG$2 without a word"
  elif [ $CODE -eq $((128 + $(kill -l "$2"))) ] && [ "$2" != INT ]; then
    violation killed "died of SIG$2"
  elif [ $CODE -ne 0 ] && [ $CODE -ne 130 ] && [ $CODE -ne 137 ]; then
    judge && violation unclear "expected exit 130: $(last_words)"
  fi
  check_broken
  if [ -s "$TRY.pictures" ] && [[ $SCENARIO != bench ]]; then
    for i in edit.json sheet.png report.html; do [ -f "$TRY/O/$i" ] || violation lost "pictures without $i"; done
  fi
  check_again
  end
}

# closed_output ID: stdout or another stream is closed or full. The result files must not be affected.
closed_output() {
  begin "$1"
  local run=(timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}") shell
  case $1 in
    head) shell='"$@" | head -1' ;;
    gone) shell='"$@" | true' ;;
    no-stdout) shell='"$@" >&-' ;;
    no-stderr) shell='"$@" 2>&-' ;;
    no-stdin) shell='"$@" <&-' ;;
    nothing) shell='"$@" <&- >&- 2>&-' ;;
    full) shell='"$@" >/dev/full' ;;
    full-stderr) shell='"$@" 2>/dev/full' ;;
  esac
  HOW="${shell/\"\$@\"/$(quoted "$FORGEDIT" "${COMMAND[@]}")}"
  in_folder "$TRY" bash -o pipefail -c "$shell" bash "${run[@]}"
  # A full stdout may be an error, but the results must exist.
  if [ "$CODE" -ne 0 ] && [ "$1-$CODE" != full-1 ]; then
    judge && violation unclear "$(last_words)"
  fi
  check_broken
  [ -z "$(compare "$TRY" "$REFERENCE")" ] || violation lost "$(compare "$TRY" "$REFERENCE" | head -1)"
  check_again
  end
}

signals_of() {
  prepare "$1"
  local i signal took count=8
  took=$(cat "$REFERENCE.ok")
  [ -n "$QUICK" ] && count=1
  for signal in INT TERM HUP; do
    for ((i = 0; i < count; i++)); do
      below "$took"
      in_pool signal_after "$signal-$i" $signal "$REPLY"
    done
  done
}

outputs_of() {
  local how all="head gone no-stdout no-stderr no-stdin nothing full full-stderr"
  prepare "$1"
  [ -n "$QUICK" ] && all="head nothing"
  for how in $all; do in_pool closed_output "$how"; done
}

try_signals() {
  local scenario scenarios="sweep save auto single bench"
  [ -n "$QUICK" ] && scenarios="sweep auto bench"
  for scenario in $scenarios; do row "signals/$scenario" signals_of "$scenario"; done
  for scenario in sweep learn lora; do row "signals/out-$scenario" outputs_of "$scenario"; done
}
