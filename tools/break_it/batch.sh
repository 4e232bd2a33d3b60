# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# A list of edits whose workers are killed at random moments and restarted until all edits are done, and an edit that
# kills its workers. Each kill counts as a try. To be sourced.

LIST_EDITS=60
LIST_KILLS=25  # maximum per list

# make_list: creates the list, and the result of one worker without kills.
make_list() {
  BASE=$WORK/base/list REFERENCE=$WORK/reference/list ONCE='' SAVED=''
  COMMAND=(batch list.jsonl --out O --gamma 1 --steps 2 --samples 4 --batch 2 --size 64x64 --model "$MODEL" "${CPU[@]}")
  [ -e "$REFERENCE.ok" ] && return
  local i
  mkdir -p "$BASE" "$WORK/reference"
  cp "$INPUTS/ted/originals/man.png" "$BASE/man.png"
  for ((i = 1; i <= LIST_EDITS; i++)); do
    # A third of the edits share learning in pairs, so that a worker processes two edits together.
    echo "{\"image\": \"man.png\", \"source\": \"a man\", \"target\": \"a man, picture $i\"," \
      "\"seeds\": $((i % 3 ? i : i - 1)), \"id\": \"e$i\"}"
  done >"$BASE/list.jsonl"
  cp -a "$BASE" "$REFERENCE"
  TRY=$REFERENCE
  PATIENCE=$((10 * PATIENCE)) must "$REFERENCE" "${COMMAND[@]}"
  : >"$REFERENCE.ok"
}

# start SLOT: starts command SLOT: slots 0 and 1 have one worker each, slot 2 has two. Sets PIDS.
start() {
  local more=(--tries 100)
  [ "$1" -eq 2 ] && more+=(--workers 2)
  (cd "$TRY" && exec "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}" "${more[@]}") \
    </dev/null >>"$TRY.$1.out" 2>"$TRY.$1.err" &
  PIDS[$1]=$!
}

# at_edits: prints the processes of workers that have begun an edit.
at_edits() {
  local pid
  grep -hs '"item":' "$TRY"/O/work/workers/*.json | grep -o '"process":[0-9]*' | cut -d : -f 2 |
    while read -r pid; do kill -0 "$pid" && echo "$pid"; done 2>/dev/null
}

# kill_one: usually kills a worker that has begun an edit, sometimes any process, also the parent of workers.
kill_one() {
  local all=() pid
  below 4
  [ "$REPLY" -gt 0 ] && mapfile -t all < <(at_edits)
  if [ ${#all[@]} -gt 0 ]; then
    AT_EDITS=$((AT_EDITS + 1))
  else
    for pid in "${PIDS[@]}"; do
      [ "$pid" -gt 0 ] && all+=("$pid")
    done
    [ "${PIDS[2]}" -gt 0 ] && mapfile -t -O ${#all[@]} all < <(pgrep -P "${PIDS[2]}")
  fi
  [ ${#all[@]} -gt 0 ] || return 1
  below ${#all[@]}
  kill -KILL "${all[REPLY]}" 2>/dev/null
}

# collect: restarts killed processes; the others must end with 0. Sets WORKING.
collect() {
  local slot
  WORKING=''
  for slot in "${!PIDS[@]}"; do
    [ "${PIDS[slot]}" -gt 0 ] || continue
    WORKING=1
    kill -0 "${PIDS[slot]}" 2>/dev/null && continue
    wait "${PIDS[slot]}" 2>/dev/null
    CODE=$? TOOK=0
    PIDS[slot]=0
    [ $CODE -eq 137 ] && start "$slot"
    cp "$TRY.$slot.err" "$TRY.err"
    [ $CODE -eq 0 ] || [ $CODE -eq 137 ] || violation locked "a worker ended: $(last_words)"
  done
}

# stamps: prints NAME INODE TIME of the files of finished edits.
stamps() { (cd "$TRY/O/edits" 2>/dev/null && find . -type f -printf '%P %i %T@\n') | sort; }

# look_at_edits: an edit must be complete as soon as it exists, and must not change later.
look_at_edits() {
  local name
  stamps >"$TRY.now"
  name=$(comm -23 "$TRY.seen" "$TRY.now" | head -1)
  [ -z "$name" ] || violation "drawn twice" "a finished edit was touched: ${name%% *}"
  while read -r name; do
    diff -rq "$TRY/O/edits/$name" "$REFERENCE/O/edits/$name" >"$TRY.diff" 2>&1 ||
      violation half-written "$name when it came: $(head -1 "$TRY.diff")"
  done < <(comm -13 "$TRY.seen" "$TRY.now" | cut -d / -f 1,2 | sort -u)
  mv "$TRY.now" "$TRY.seen"
}

# check_list_done: after the last worker nothing may be missing, and there must be no other files.
check_list_done() {
  local left name
  left=$(diff -rq "$TRY/O/edits" "$REFERENCE/O/edits" | head -1)
  [ -z "$left" ] || violation lost "$left"
  for name in "$REFERENCE"/O/edits/*/*; do
    [ -f "$TRY/O/work/made/${name##*/}.json" ] || violation lost "${name##*/} is done, and nothing says by whom"
  done
  left=$(find "$TRY/O" \( -name '.forgedit*' -o -path '*/work/claims/*' -o -path '*/work/making/*' \) | head -1)
  [ -z "$left" ] || violation "left over" "$left"
  call "$TRY" batch --out O --status
  [ "$CODE" -eq 0 ] || violation lost "--status: $(last_words)"
  grep -qs "\"done\": $LIST_EDITS," "$TRY/O/summary.json" || violation lost "summary.json does not say that all is done"
  cmp -s <(grep -o '"file":"[^"]*"' "$TRY/O/index.html") <(grep -o '"file":"[^"]*"' "$REFERENCE/O/index.html") ||
    violation lost "index.html does not have all pictures"
}

# killed_list ID KILLS: runs one list and sets KILLED to the number of kills until it was done.
killed_list() {
  begin "$1"
  PIDS=() KILLED=0
  HOW="two of and one with --workers 2: $(quoted "$FORGEDIT" "${COMMAND[@]}" --tries 100), killed at random"
  local slot end=$((SECONDS + 10 * PATIENCE))
  : >"$TRY.seen"
  for slot in 0 1 2; do start $slot; done
  WORKING=1
  while [ -n "$WORKING" ]; do
    below 800
    sleep "$(seconds "$REPLY")"
    if [ "$KILLED" -lt "$2" ] && kill_one; then
      KILLED=$((KILLED + 1))
      [ "$KILLED" -eq 1 ] || echo "$ROW" >>"$WORK/tries"
    fi
    sleep 0.1
    look_at_edits
    collect
    [ $SECONDS -lt $end ] && continue
    violation hung "not done within $((10 * PATIENCE)) s"
    for slot in "${PIDS[@]}"; do [ "$slot" -gt 0 ] && kill "$slot"; done
    break
  done 2>>"$WORK/shell.log"
  wait
  # Workers whose parent was killed end without help.
  for slot in {1..50}; do compgen -G "$TRY/O/work/workers/*.json" >/dev/null && sleep 0.1; done
  look_at_edits
  check_list_done
  end
}

killed_lists() {
  local left=${QUICK:+10} i=0
  left=${left:-100} AT_EDITS=0
  while [ "$left" -gt 0 ]; do
    killed_list "list-$((++i))" $((left < LIST_KILLS ? left : LIST_KILLS))
    [ "$KILLED" -gt 0 ] || break
    left=$((left - KILLED))
  done
  echo "$i lists of $LIST_EDITS edits; $AT_EDITS kills were of workers at an edit"
}

# poison ID: every worker that begins the edit dies, as if it needed more memory than its limit.
poison() {
  begin "$1"
  HOW="kill -9 of every worker that is at e5 of: $(quoted "$FORGEDIT" "${COMMAND[@]}" --workers 2)"
  local pid record worker
  local -A dead=()  # a dead worker can be killed again until its parent has waited for it
  head -8 "$BASE/list.jsonl" | sed '/"id": "e5"/s/"seeds"/"steps": 999, "seeds"/' >"$TRY/list.jsonl"
  (cd "$TRY" && exec timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}" --workers 2) \
    </dev/null >"$TRY.out" 2>"$TRY.err" &
  pid=$!
  while kill -0 $pid 2>/dev/null; do
    for record in $(grep -ls '"item":"e5"' "$TRY"/O/work/workers/*.json); do
      worker=$(grep -ao '"process":[0-9]*' "$record" | cut -d : -f 2)
      [ -n "$worker" ] && kill -KILL "$worker" 2>/dev/null && dead[$record]=1
    done
    sleep 0.1
  done
  wait $pid 2>/dev/null
  CODE=$? TOOK=0
  [ $CODE -eq 3 ] || violation locked "expected exit 3: $(last_words)"
  [ ${#dead[@]} -eq 3 ] || violation unclear "${#dead[@]} workers died of one edit, expected 3"
  grep -qs '"reason": "3 workers died on this edit"' "$TRY/O/summary.json" || violation unclear "the reason is not said"
  [ "$(find "$TRY/O/edits" -name edit.json | wc -l)" -eq 7 ] || violation lost "other edits are not done"
  end
}

try_batch() {
  make_list
  row batch/workers killed_lists
  row batch/poison poison 1
}
