#!/usr/bin/env bash
# `forgedit redo`: generates one of our pictures again, from the settings in its metadata.
# usage: redo_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

good_picture good.png
LEARN=(--samples 4 --batch 2)
QUICK=(--model "$MODEL" --steps 2 --threads 2)

# again PICTURE MESSAGE ARGUMENT...: redo must give the same pixels, print MESSAGE, and leave no other files.
again() {
  local picture=$1 part=$2
  shift 2
  rm -f again.png
  ls -A >before
  expect 0 "$part" redo "$picture" --model "$MODEL" --threads 2 --out again.png "$@"
  grep -qF "the same pixels as $picture" stderr || complain "redo $picture: other pixels"
  [ "$(cat stdout)" = again.png ] || complain "redo $picture: expected only its path on stdout"
  ls -A | grep -vx again.png | diff - before >/dev/null || complain "redo $picture: leaves files behind"
}

echo "-- learned again, from a batch of four and one of two"
expect 0 "" edit good.png "a red square" --source "a square" "${QUICK[@]}" "${LEARN[@]}" --gamma 0.6:1.4:0.2 --seeds 3 \
  --out out/swept
again out/swept/02-*.png "fine-tuning again on $WORK/good.png"
again out/swept/05-*.png "fine-tuning again"
mkdir elsewhere && mv good.png elsewhere/other-name.png
again out/swept/05-*.png "fine-tuning again on elsewhere/other-name.png" --image elsewhere/other-name.png
expect 2 "--image: give the original picture: neither a saved edit of 01-a-red-square_vs-0.6_donotforget_seed3.png nor good.png" \
  redo out/swept/01-*.png --model "$MODEL" --out again2.png
good_picture good.png
rm again.png
expect 0 "the same pixels as" redo out/swept/05-*.png --model "$MODEL" --threads 2 --out again.png --save kept.edit
[ -e kept.edit/learned.json ] || complain "redo --save: nothing was saved"

echo "-- what was learned is there"
again out/swept/03-*.png "using the saved edit in $WORK/kept.edit"
again out/swept/03-*.png "using the saved edit in kept.edit" --from kept.edit
expect 2 "--save: the saved edit of" redo out/swept/03-*.png --model "$MODEL" --out again2.png --save more.edit
expect 0 "" learn good.png --source "another square" "${LEARN[@]}" --model "$MODEL" --save another.edit
expect 2 "--from: another.edit: is not the saved edit that" redo out/swept/03-*.png --model "$MODEL" --from another.edit --out again2.png
expect 0 "" edit --from another.edit "a red square" --negative "a blurry photo" --interpolation vp --beta 1.2 --seeds 7 \
  --forget encoderattn --blend 0.5 "${QUICK[@]}" --sampler dpm++ --out out/vp
again out/vp/01-*.png "another.edit"

echo "-- a mask, the source's size, other methods, seeds of learning"
expect 0 "" edit good.png "a red square" --source "a square" "${QUICK[@]}" "${LEARN[@]}" --gamma 1 --mask elsewhere/other-name.png \
  --output-size source --out out/masked
expect 2 "--mask: give the mask: " redo out/masked/01-*.png --model "$MODEL" --out again2.png
expect 2 "--mask: " redo out/swept/03-*.png --model "$MODEL" --out again2.png --mask good.png
again out/masked/01-*.png "fine-tuning again" --mask elsewhere/other-name.png
expect 0 "" edit good.png "a red square" --source "a square" --method dreambooth "${QUICK[@]}" "${LEARN[@]}" --gamma 1 --seeds 1,2 \
  --size 64 --out out/dreambooth
again out/dreambooth/02-*.png "fine-tuning again"
expect 0 "" edit good.png "a red square" --method imagic "${QUICK[@]}" "${LEARN[@]}" --embedding-samples 4 --out out/imagic
again out/imagic/01-*.png "fine-tuning again"

echo "-- refused"
refused() {  # CODE MESSAGE ARGUMENT...
  expect "$@"
  [ "$(wc -l <stderr)" -eq 1 ] || complain "$2: more than one line"
  [ -e again2.png ] && complain "$2: a file all the same"
}
REDO=(--model "$MODEL" --out again2.png)
refused 1 "good.png: the image contains no settings of forgedit" redo good.png "${REDO[@]}"
refused 1 "is not an edit" redo out/swept/reconstruction.png "${REDO[@]}"
refused 1 "no such file" redo nowhere.png "${REDO[@]}"
refused 2 "--model: give the model: 03-a-red-square_vs-1.0_donotforget_seed3.png was made with tiny-sd" \
  redo out/swept/03-*.png --out again2.png
refused 2 "again.png: already exists" redo out/swept/03-*.png --model "$MODEL" --out again.png
refused 2 "expected a file that ends in .png" redo out/swept/03-*.png --model "$MODEL" --out again2.jpg
expect 2 "another model, tiny-sd" redo out/imagic/01-*.png --model "$MODEL" --clip-skip 2 --out again2.png
expect 2 "kept.edit" redo out/swept/03-*.png --model "$MODEL" --clip-skip 2 --out again2.png
[ -e again2.png ] && complain "another model: a file all the same"

echo "-- its pages"
"$FORGEDIT" man redo | grep -q 'from' || complain "man redo"
for shell in bash zsh fish; do
  "$FORGEDIT" completion $shell | grep -q redo || complain "completion $shell: no redo"
done
"$FORGEDIT" help redo | grep -q "^Usage: forgedit redo " || complain "help redo"
expect 0 "" redo out/swept/03-*.png --model "$MODEL" --threads 2 --json
[ -e 03-a-red-square_vs-1.0_donotforget_seed3-redo.png ] || complain "redo without --out"
[ "$(tail -1 stdout)" = '{"event":"done"}' ] && [ ! -s stderr ] || complain "redo --json"

end_of_test
