# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Several processes that write to one place: the result must be complete, others wait or are rejected. To be sourced.

# variant I: sets COMMAND to the Ith variant of SCENARIO.
variant() {
  what "$SCENARIO"
  case $SCENARIO in
    learn)
      local sources=("a square" "a circle" "a red dot" "a line")
      COMMAND=(learn good.png --source "${sources[$1]}" --seed "$1" --save S "${LEARN[@]}" --model "$MODEL" "${CPU[@]}")
      ;;
    over)
      SCENARIO=learn
      variant "$1"
      SCENARIO=over
      COMMAND+=(--overwrite)
      ;;
    story)
      local targets=("a cat" "a bird" "a man" "a house")
      COMMAND=(edit --from L "${targets[$1]}" --gamma 0.8,0.9,1.0 --seeds 0,1 --steps 2 --out O --model "$MODEL"
        "${CPU[@]}")
      ;;
    lora) COMMAND=(export L --to lora --rank $((2 + 2 * $1)) --out x.safetensors --model "$MODEL" "${CPU[@]}") ;;
  esac
}

# prepare_variants SCENARIO: creates an unbroken run of each of the four variants.
prepare_variants() {
  prepare "$1"
  local i folder
  for i in 0 1 2 3; do
    folder=$WORK/reference/$1.variant$i
    [ -e "$folder.ok" ] && continue
    cp -a "$BASE" "$folder"
    variant "$i"
    TRY=$folder
    must "$folder" "${COMMAND[@]}"
    : >"$folder.ok"
  done
  what "$1"
}

# start_all COUNT: starts variants 0 to COUNT - 1 in parallel; sets CODES; output is in TRY.I.out and TRY.I.err.
start_all() {
  local i pids=() took
  CODES=() HOW=''
  took=$(now_ms)
  for ((i = 0; i < $1; i++)); do
    variant $((SAME ? 0 : i))
    HOW+="$(quoted "$FORGEDIT" "${COMMAND[@]}") & "
    (cd "$TRY" && exec timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}") \
      </dev/null >"$TRY.$i.out" 2>"$TRY.$i.err" &
    pids+=($!)
    [ -z "${DELAYS[i]-}" ] || sleep "$(seconds "${DELAYS[i]}")"
  done
  HOW+="wait"
  for i in "${pids[@]}"; do
    wait "$i" 2>/dev/null
    CODES+=($?)
  done
  TOOK=$(($(now_ms) - took))
  for ((i = 0; i < $1; i++)); do
    CODE=${CODES[i]}
    cp "$TRY.$i.err" "$TRY.err"
    judge
  done
}

# like_one COUNT: sets LIKE to the variants whose unbroken run gave the same files.
like_one() {
  local i
  LIKE=''
  for ((i = 0; i < $1; i++)); do
    [ -z "$(compare "$TRY" "$WORK/reference/$SCENARIO.variant$((SAME ? 0 : i))")" ] && LIKE+=" $i"
  done
}

# together ID COUNT: the result must be that of exactly one process.
together() {
  local count=$2 done=() i first
  begin "$1"
  start_all "$count"
  for ((i = 0; i < count; i++)); do [ "${CODES[i]}" -eq 0 ] && done+=("$i"); done
  like_one "$count"
  first=$(compare "$TRY" "$WORK/reference/$SCENARIO.variant${done[0]:-0}" | head -1)
  if [ ${#done[@]} -eq 0 ]; then
    violation locked "none of $count ended with 0: ${CODES[*]}"
  elif [ -z "$LIKE" ]; then
    if [[ $first == extra* ]]; then
      violation "left over" "${first#extra }"
    else
      violation half-written "the outcome is of none alone ($first), exit codes ${CODES[*]}"
    fi
  elif [[ $SCENARIO != over && $SAME -eq 0 ]]; then
    [ ${#done[@]} -eq 1 ] || violation lost "${#done[@]} of $count said done, of whom one is there: ${CODES[*]}"
  fi
  end
}

# folder_of_two ID COUNT: edits into one folder. Each successful one must have its pictures and find them again.
folder_of_two() {
  local count=$2 i hash codes
  begin "$1"
  start_all "$count"
  codes=("${CODES[@]}")
  [[ " ${codes[*]} " == *" 0 "* ]] || violation locked "none of $count ended with 0: ${codes[*]}"
  if [ "$SAME" -eq 1 ]; then
    i=$(cat "$TRY".*.out | grep -E '\.png$' | grep -v sheet | sort | uniq -d | head -1)
    [ -z "$i" ] || violation "drawn twice" "$i, by two processes"
    like_one 1
    i=$(compare "$TRY" "$WORK/reference/$SCENARIO.variant0" | head -1)
    [ -n "$LIKE" ] || case $i in
      extra*) violation "left over" "${i#extra }" ;;
      *) violation "other bytes" "$i" ;;
    esac
  fi
  for ((i = 0; i < count; i++)); do
    [ "${codes[i]}" -eq 0 ] || continue
    variant $((SAME ? 0 : i))
    # The numbers in names may depend on the order of the processes; the pictures may not.
    hashes "$TRY" | awk '{ print $2 }' | sort >"$TRY.now"
    while read -r hash; do
      grep -q "$hash" "$TRY.now" || violation lost "a picture of $(quoted "${COMMAND[@]:3:1}") is not there"
    done < <(cd "$WORK/reference/$SCENARIO.variant$((SAME ? 0 : i))/O" && sha256sum ./[0-9]*.png | cut -d ' ' -f 1)
    call "$TRY" "${COMMAND[@]}"
    judge
    [ "$CODE" -eq 0 ] || violation locked "again: $(last_words)"
    if grep -E '\.png$' "$TRY.out" | grep -qv sheet; then
      HOW+=" ; $(quoted "$FORGEDIT" "${COMMAND[@]}")"
      violation "drawn twice" "$(grep -E '\.png$' "$TRY.out" | grep -v sheet | head -1)"
    fi
  done
  end
}

# read_while_replaced ID: edits from a saved edit that is being replaced must use the old or the new one.
read_while_replaced() {
  begin "$1"
  local hash i
  HOW="$(quoted "$FORGEDIT" "${COMMAND[@]}") & forgedit edit --from S 'a red square' --steps 1 --gamma 1 --out P"
  (cd "$TRY" && exec timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}") >"$TRY.out" 2>"$TRY.err" &
  local pid=$!
  for ((i = 0; i < 20; i++)); do
    if ! hash=$(probe "$TRY/S"); then
      violation lost "edit --from S fails while it is replaced: $(tail -1 "$TRY.probe.err")"
    elif ! grep -qF "$hash" "$REFERENCE.old" "$REFERENCE.new"; then
      violation half-written "neither the old nor the new edit was drawn"
    fi
    rm -rf "$TRY".probe*
    kill -0 $pid 2>/dev/null || break
  done
  wait $pid
  CODE=$? TOOK=0
  judge
  [ $CODE -eq 0 ] || violation locked "learn while it is read: $(last_words)"
  end
}

# rounds COMMAND SCENARIO SAME COUNT...: one try per COUNT. Processes start at once or a little apart.
rounds() {
  local command=$1 count i=0
  prepare_variants "$2"
  SAME=$3
  [ "$command" = read_while_replaced ] && what "$2"
  shift 3
  for count in "$@"; do
    DELAYS=()
    if [ $((i % 3)) -eq 2 ]; then
      below $((TOOK / 2 + 1))
      DELAYS=("$REPLY")
    fi
    in_pool "$command" "$((++i))" "$count"
  done
}

try_together() {
  local many="2 3 4 3 2 4 3 3 2 4 3 3"
  [ -n "$QUICK" ] && many="2 3"
  # shellcheck disable=SC2086  # numbers, word by word
  {
    row together/learn rounds together learn 0 $many
    row together/over rounds together over 0 $many
    row together/same rounds together learn 1 $many
    row together/export rounds together lora 0 $many
    row together/folder rounds folder_of_two story 0 $many
    row together/same-folder rounds folder_of_two story 1 $many
    row together/reading rounds read_while_replaced over 0 $many
  }
}
