#!/usr/bin/env bash
# Holds the README to its word on a GPU: the same command on the same card gives the same bytes. Every way of
# learning runs twice, draws, and all files of both runs are compared whole. CI has no GPU: a person runs this.
# usage: tools/check_same_bytes.sh FORGEDIT MODEL [WxH]
# MODEL is a folder of Stable Diffusion 1.x; random weights do (forgedit_random_model).
#
# METHODS     "vanilla dreambooth imagic"
# PRECISIONS  "bf16 fp32"
# MEMORY      budgets in GiB; "none": without ("none 12 8")
# LEARN       more options for all runs, for example "--samples 100"
# OPTIONS     a run of its own: with these options the bytes may differ, and it is said whether they do ("--fast")
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n '2,11p' "$0" >&2
  exit 2
fi
FORGEDIT=$(realpath "$1")
MODEL=$(realpath "$2")
SIZE=${3:-512x512}
METHODS=${METHODS-vanilla dreambooth imagic}
PRECISIONS=${PRECISIONS-bf16 fp32}
MEMORY=${MEMORY-none 12 8}
OPTIONS=${OPTIONS-}
PICTURE=$(realpath "$(dirname "$0")/../assets/miniature/demo.png")
SOURCE="a man walking: dark skin tone on a blue background"
TARGET="a man running: dark skin tone on a blue background"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
differ=0

# edit FOLDER METHOD OPTION...: learns, saves the learned weights, generates two pictures in one batch
edit() {
  local folder=$1 method=$2 source=(--source "$SOURCE")
  shift 2
  [ "$method" = imagic ] && source=()  # starts from the target prompt
  rm -rf "$folder"
  # shellcheck disable=SC2086  # options, word by word
  "$FORGEDIT" edit "$PICTURE" "$TARGET" ${source[@]+"${source[@]}"} --model "$MODEL" --device cuda --size "$SIZE" \
    --method "$method" --stop-loss 0 --gamma 0.8,1.0 --save "$folder/saved" --out "$folder/out" \
    "$@" ${LEARN:-} >"$folder.out" 2>"$folder.log"
}

sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

# twice NAME METHOD OPTION...: succeeds if all files of both runs are equal
twice() {
  local name=$1
  shift
  if ! edit first "$@"; then
    echo "$name: $(tail -n 1 first.log)"
    grep -q "is too little for fine-tuning" first.log  # skipped
    return
  fi
  sums first >first.sums
  edit second "$@" || { cat second.log; return 1; }
  sums second >second.sums
  if cmp -s first.sums second.sums; then
    echo "$name: $(wc -l <first.sums) files, the same bytes ($(sha256sum <first.sums | cut -c1-16))"
    return 0
  fi
  echo "$name: other bytes in $(diff first.sums second.sums | sed -n 's/^> [0-9a-f]*  //p' | tr '\n' ' ')"
  return 1
}

nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null || true
for precision in $PRECISIONS; do
  for method in $METHODS; do
    for gib in $MEMORY; do
      budget=()
      [ "$gib" = none ] || budget=(--memory "$gib")
      twice "$method, $precision, memory $gib" "$method" --precision "$precision" ${budget[@]+"${budget[@]}"} || differ=1
    done
  done
done
if [ -n "$OPTIONS" ]; then
  # shellcheck disable=SC2086
  twice "vanilla with $OPTIONS, which may differ" vanilla $OPTIONS || true
fi
exit $differ
