#!/usr/bin/env bash
# Fills the table of docs/performance.md, "Memory": learning and generating under GPU memory budgets.
# usage: tools/measure_memory.sh FORGEDIT MODEL [WxH] [BUDGET...]
# MODEL is a folder of Stable Diffusion 1.x; random weights (forgedit_random_model) are enough. Prints one row per
# budget: the chosen memory plan, seconds and peak memory of learning and of a picture, peak memory of the whole device
# by nvidia-smi, and the PSNR of an edit compared with one without a budget. Then prints this PSNR for the trained
# miniature under the smallest budget that works.
set -euo pipefail
FORGEDIT=$(realpath "$1")
MODEL=$(realpath "$2")
SIZE=${3:-512x512}
shift $(($# < 3 ? $# : 3))
BUDGETS=("$@")
[ ${#BUDGETS[@]} -gt 0 ] || BUDGETS=(24 16 12 8 4)
PICTURE=$(realpath "$(dirname "$0")/../assets/miniature/demo.png")
SOURCE="a man walking: dark skin tone on a blue background"
TARGET="a man running: dark skin tone on a blue background"
GPU=${CUDA_VISIBLE_DEVICES:-0}
GPU=${GPU%%,*}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

# run NAME COMMAND...: messages go to NAME.log, the device's peak memory in MiB to NAME.mib
run() {
  local name=$1 most=0 now
  shift
  "$@" >"$name.out" 2>"$name.log" &
  local program=$!
  while kill -0 $program 2>/dev/null; do
    now=$(nvidia-smi -i "$GPU" --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null)
    [ "${now:-0}" -gt "$most" ] && most=$now
    sleep 0.05
  done
  echo "$most" >"$name.mib"
  wait $program
}

# value KEY FILE: prints a number from a JSON file, or -
value() {
  local found
  found=$(sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$2" 2>/dev/null | head -1)
  echo "${found:--}"
}

chosen() { sed -n 's/.*memory: //p' "$1" | head -1; }

# decibels NAME: prints the PSNR of the edit in folder NAME compared with the one in `plain`
decibels() {
  "$FORGEDIT" score "$2"/01*.png "$1"/01*.png --target "$TARGET" --json >score.json 2>score.log || true
  value psnr score.json
}

edit() {
  local name=$1
  shift
  run "$name" "$FORGEDIT" edit "$@" --gamma 1 --stop-loss 0 --device cuda --out "$name"
}

on_sd() { edit "$1" "$PICTURE" "$TARGET" --source "$SOURCE" --model "$MODEL" --size "$SIZE" "${@:2}"; }

echo "device: $(nvidia-smi -i "$GPU" --query-gpu=name,memory.used,memory.total --format=csv,noheader)"
on_sd plain --save saved || { cat plain.log; exit 1; }
bench=(bench --model "$MODEL" --device cuda --size "$SIZE" --no-first-picture)
row() {
  printf '%s | learn %s s, %s GiB | picture %s s, %s GiB | device %s MiB (edit %s) | edit %s dB\n' "$@"
}
run bench "$FORGEDIT" "${bench[@]}" --json bench.json
row "no budget" "$(value learn_s bench.json)" "$(value learn_peak_gib bench.json)" \
  "$(value picture_b1_s bench.json)" "$(value draw_b1_peak_gib bench.json)" "$(cat bench.mib)" "$(cat plain.mib)" -

for budget in "${BUDGETS[@]}"; do
  rm -f bench.json
  run bench "$FORGEDIT" "${bench[@]}" --memory "$budget" --json bench.json ||
    echo "$budget GiB: bench failed: $(tail -1 bench.log)"
  # If the budget is too small for learning, generate from weights learned without a budget.
  if ! on_sd "at$budget" --memory "$budget"; then
    echo "$budget GiB: edit: $(tail -1 "at$budget.log")"
    run "at$budget" "$FORGEDIT" edit --from saved "$TARGET" --model "$MODEL" --gamma 1 --device cuda \
      --out "at$budget" --memory "$budget" || echo "$budget GiB: edit --from failed: $(tail -1 "at$budget.log")"
  fi
  echo "bench: $(chosen bench.log)"
  row "edit: $(chosen "at$budget.log")" "$(value learn_s bench.json)" "$(value learn_peak_gib bench.json)" \
    "$(value picture_b1_s bench.json)" "$(value draw_b1_peak_gib bench.json)" "$(cat bench.mib)" \
    "$(cat "at$budget.mib")" "$(decibels "at$budget" plain)"
done

mini=("$PICTURE" "$TARGET" --source "$SOURCE")
edit mini "${mini[@]}"
edit mini-none "${mini[@]}" --memory 0.01 || true
least=$(sed -n 's/.*least that works is \([0-9.]*\) GiB.*/\1/p' mini-none.log)
edit mini-least "${mini[@]}" --memory "$least" || cat mini-least.log
echo "miniature: $(chosen mini-least.log): $(decibels mini-least mini) dB"
