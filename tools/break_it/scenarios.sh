# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# The commands that are tried: their inputs, and the results of an unbroken run. To be sourced.

MODEL=$ROOT/tests/golden/tiny-sd
INPUTS=$WORK/inputs
SCENARIOS="learn over sweep save auto story diffusers single lora bench batch"
CPU=(--device cpu --threads 1)
LEARN=(--samples 10 --batch 5 --size 64x64)
# shellcheck source=tests/support/good_picture.sh
. "$ROOT/tests/support/good_picture.sh"
# shellcheck source=tests/support/make_clip.sh
. "$ROOT/tests/support/make_clip.sh"

# what SCENARIO: sets COMMAND, BASE, REFERENCE; SAVED, the saved edit that it writes; ONCE if existing results are never
# replaced.
what() {
  SCENARIO=$1 BASE=$WORK/base/$1 REFERENCE=$WORK/reference/$1 SAVED='' ONCE=''
  local model=(--model "$MODEL" "${CPU[@]}") from=(edit --from L --out O --steps 2)
  case $1 in
    learn) SAVED=S COMMAND=(learn good.png --source "a square" --save S "${LEARN[@]}" "${model[@]}") ;;
    over)
      SAVED=S
      COMMAND=(learn other.png --source "a circle" --seed 5 --save S --overwrite "${LEARN[@]}" "${model[@]}")
      ;;
    sweep)
      COMMAND=(edit good.png "a red square" "a blue square" --source "a square" --gamma 0.8,1.0 --seeds 0,1
        --unlearned --steps 2 --out O "${LEARN[@]}" "${model[@]}")
      ;;
    save)
      SAVED=S
      COMMAND=(edit good.png "a red square" --source "a square" --gamma 0.8,1.0,1.2 --steps 2 --save S --out O
        "${LEARN[@]}" "${model[@]}")
      ;;
    auto) COMMAND=("${from[@]}" "a man running" --auto --auto-pictures 8 --clip "$INPUTS/clip" "${model[@]}") ;;
    story) COMMAND=("${from[@]}" --targets "$INPUTS/story.txt" --gamma 0.9,1.0 "${model[@]}") ;;
    diffusers) ONCE=1 COMMAND=(export L --to diffusers --out X "${model[@]}") ;;
    single) ONCE=1 COMMAND=(export L --to single-file --out x.safetensors "${model[@]}") ;;
    lora) ONCE=1 COMMAND=(export L --to lora --rank 2 --out x.safetensors "${model[@]}") ;;
    bench)
      COMMAND=(bench tedbench --data "$INPUTS/ted" --source "a man" --gamma 0.8,1.0 --steps 2 --out O
        "${LEARN[@]}" "${model[@]}")
      ;;
    batch) COMMAND=(batch "$INPUTS/list.jsonl" --out O --gamma 0.8 --steps 2 "${LEARN[@]}" "${model[@]}") ;;
  esac
}

# probe SAVED_EDIT: prints the hash of a picture generated from it, or nothing. Works beside the try, whose disk may be
# full.
probe() {
  local drawn=$TRY.probe
  rm -rf "$drawn"
  timeout -k 5 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" edit --from "$1" "a red square" --steps 1 --gamma 1 --out "$drawn" \
    --model "$MODEL" "${CPU[@]}" </dev/null >"$drawn.out" 2>"$drawn.err" || return 1
  sha256sum "$drawn"/01-*.png | cut -d ' ' -f 1
  rm -rf "$drawn" "$drawn".*
}

# must FOLDER ARGUMENT...: an unbroken run. If it fails, the scenario cannot be tried.
must() {
  call "$@"
  [ "$CODE" -eq 0 ] && return
  echo "break_it.sh: an unbroken run ends with $CODE: forgedit ${*:2}" >&2
  cat "$1.err" >&2
  exit 1
}

make_inputs() {
  mkdir -p "$INPUTS/ted/originals"
  cp "$ROOT/assets/miniature/demo.png" "$INPUTS/ted/originals/man.png"
  echo '[{"img_name": "man.png", "target_text": "A man running."}, {"img_name": "man.png", "target_text": "A cat."}]' \
    >"$INPUTS/ted/input_list.json"
  make_clip "$INPUTS/clip" "$MODEL"
  for i in 1 2 3 4; do echo "a man, part $i"; done >"$INPUTS/story.txt"
  # The first two share learning.
  for i in 1 2 3; do
    echo "{\"image\": \"ted/originals/man.png\", \"source\": \"a man\", \"target\": \"a cat $i\"," \
      "\"seeds\": $((i / 3))}"
  done >"$INPUTS/list.jsonl"
  good_picture "$INPUTS/good.png"
  what learn
  mkdir -p "$WORK/scratch"
  cp "$INPUTS/good.png" "$WORK/scratch/"
  TRY=$WORK/scratch
  must "$WORK/scratch" "${COMMAND[@]}"
  cp -a "$WORK/scratch/S" "$INPUTS/L"
  rm -rf "$WORK/scratch" "$WORK"/scratch.*
}

# prepare SCENARIO: creates its base and two unbroken runs. They give the correct bytes, and the keys that always differ
# (times). Sets the variables of `what`.
prepare() {
  what "$1"
  [ -e "$REFERENCE.ok" ] && return
  mkdir -p "$BASE" "$WORK/reference"
  cp "$INPUTS/good.png" "$BASE/"
  cp "$INPUTS/ted/originals/man.png" "$BASE/other.png"
  case $1 in
    over) cp -a "$INPUTS/L" "$BASE/S" ;;
    auto | story | diffusers | single | lora) cp -a "$INPUTS/L" "$BASE/L" ;;
  esac
  local name second=$REFERENCE.again
  for name in "$REFERENCE" "$second"; do
    rm -rf "$name"
    cp -a "$BASE" "$name"
    TRY=$name
    must "$name" "${COMMAND[@]}"
    [ "$name" = "$second" ] || sleep 1
  done
  learn_times "$1" "$second"
  echo "$TOOK" >"$REFERENCE.ok"
  if [ -n "$SAVED" ]; then
    probe "$REFERENCE/$SAVED" >"$REFERENCE.new"
    [ -d "$BASE/$SAVED" ] && probe "$BASE/$SAVED" >"$REFERENCE.old"
  fi
  rm -rf "$second"
}

# learn_times SCENARIO SECOND: finds differences between two unbroken runs that are times. Others are faults.
learn_times() {
  local ROW=unbroken/$1 TRY=$2 FAULTS='' verdict name
  local HOW
  HOW=$(quoted "$FORGEDIT" "${COMMAND[@]}")
  echo "$ROW" >>"$WORK/tries"
  : >"$REFERENCE.volatile"
  : >"$REFERENCE.unsteady"
  [ "$1" != bench ] || echo table.txt >"$REFERENCE.unsteady" # its times may be equal by chance
  while read -r verdict name; do
    case $verdict-$name in
      differs-*.json)
        diff -a "$2/$name" "$REFERENCE/$name" | grep -ao '^[<>] *"[^"]*":' | sed 's/^[<>] *//' >>"$REFERENCE.keys"
        ;;
      differs-*.txt | differs-*.html) echo "${name##*/}" >>"$REFERENCE.unsteady" ;;
      *) violation "other bytes" "two unbroken runs: $verdict $name" ;;
    esac
  done < <(compare "$2" "$REFERENCE")
  [ ! -f "$REFERENCE.keys" ] || sort -u "$REFERENCE.keys" >"$REFERENCE.volatile"
}

# check_saved: after a break, the saved edit must be the old or the new one, or not exist yet.
check_saved() {
  local saved=$TRY/$SAVED hash there
  [ -d "$BASE/$SAVED" ] && there=1 || there=''
  if [ ! -d "$saved" ]; then
    [ -n "$there" ] && violation lost "the old saved edit is gone"
    return
  fi
  cmp -s <(hashes "$saved") <(hashes "$REFERENCE/$SAVED") && return
  [ -n "$there" ] && cmp -s <(hashes "$saved") <(hashes "$BASE/$SAVED") && return
  if ! hash=$(probe "$saved"); then
    local words
    words=$(tail -1 "$TRY.probe.err")
    if [ -n "$there" ]; then
      violation lost "edit --from $SAVED fails: $words"
    elif ! grep -qaE 'not a saved edit|no such folder' <<<"$words"; then
      violation half-written "edit --from $SAVED fails: $words"
    fi
  elif ! grep -qsF "$hash" "$REFERENCE.new" "$REFERENCE.old"; then
    violation half-written "edit --from $SAVED draws neither the old nor the new edit"
  fi
  rm -rf "$TRY".probe*
}

# check_broken: files with final names must be complete, and files listed in a record must exist.
check_broken() {
  local name record
  while read -r name; do
    [ -f "$TRY/$name" ] || continue
    cmp -s "$TRY/$name" "$REFERENCE/$name" || well_formed "$TRY/$name" || violation half-written "$name is not whole"
  done < <(cd "$REFERENCE" && find . -type f -printf '%P\n')
  while read -r record; do
    grep -ao '"file": "[^"]*"' "$TRY/$record" | sed 's/.*: "\(.*\)"/\1/' | while read -r name; do
      [ -f "$TRY/$(dirname "$record")/$name" ] || echo "$record lists $name, which is not there"
    done
  done < <(cd "$TRY" && find . -name edit.json -printf '%P\n') >"$TRY.missing"
  [ -s "$TRY.missing" ] && violation lost "$(head -1 "$TRY.missing")"
  if [ -n "$SAVED" ]; then check_saved; fi
  pictures "$TRY" >"$TRY.pictures"
}

# check_again: the same command must complete the run and generate no picture twice.
check_again() {
  local verdict name
  HOW+=" ; $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  if [ -n "$ONCE" ] && [ -z "$(compare "$TRY" "$REFERENCE")" ]; then return; fi
  call "$TRY" "${COMMAND[@]}"
  judge || return
  # Results that were complete before the kill are not made again.
  if [ -n "$ONCE" ] && [ "$CODE" -eq 2 ] && [ -z "$(compare "$TRY" "$REFERENCE")" ]; then return; fi
  if [ "$CODE" -ne 0 ]; then
    violation locked "again: $(last_words)"
    return
  fi
  while read -r verdict name; do
    case $verdict in
      extra)
        # A list records which workers died of which edit.
        [[ $name == O/work/lost/* ]] || violation "left over" "$name"
        ;;
      missing) violation lost "$name is not there after the second run" ;;
      differs) violation "other bytes" "$name" ;;
    esac
  done < <(compare "$TRY" "$REFERENCE")
  name=$(comm -23 <(sort "$TRY.pictures") <(pictures "$TRY" | sort) | head -1)
  [ -z "$name" ] || violation "drawn twice" "${name%% *}"
  while read -r name _; do
    grep -qxF "$name" "$TRY.out" && violation "drawn twice" "$name"
  done <"$TRY.pictures"
}
