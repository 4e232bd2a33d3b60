#!/usr/bin/env bash
# Runs `forgedit edit --auto` as users do: the budget, the files it writes, restarts, with and without CLIP.
# usage: auto_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"
. "$SOURCE_DIR/tests/support/make_clip.sh"
export HF_HUB_CACHE=$WORK/hub

cp "$SOURCE_DIR/assets/miniature/demo.png" man.png
make_clip clip "$MODEL"
EDIT=(edit man.png "a man running" --source "a man walking" --model "$MODEL" --size 64x64 --samples 2 --batch 1)
# One picture per batch: in batches of other sizes, pictures differ in the last bit.
FROM=(edit --from man.edit "a man running" --model "$MODEL" --auto --clip clip --draw-batch 1)

echo "-- usage errors"
expect 2 "--clip: give a CLIP model: there is none at $MODEL/clip" edit man.png "a man running" --model "$MODEL" --size 64x64 --samples 2 --batch 1 --auto --method imagic
[ -e out ] && complain "no CLIP: left an output folder behind"
expect 1 "nowhere: no such CLIP folder" "${EDIT[@]}" --auto --clip nowhere
expect 2 "--auto-pictures needs --auto" "${EDIT[@]}" --auto-pictures 5
expect 2 "--clip needs --auto" "${EDIT[@]}" --clip clip
expect 2 "--auto-pictures" "${EDIT[@]}" --auto --auto-pictures 0
expect 2 "would write its results beside man.png" "${EDIT[@]}" --auto --clip clip --out .
expect 2 "did you mean 'tedbench'" bench tedbnch
expect 2 "did you mean '--gamma'" bench tedbench --data . --gama

echo "-- a choice"
expect 0 "skipped: LPIPS alex" "${EDIT[@]}" --steps 2 --auto --auto-pictures 12 --clip clip --draw-batch 1 --out one --save man.edit
[ "$(ls one | wc -l)" -eq 17 ] || complain "expected 12 candidates, the reconstruction, sheet, report, chart and edit.json"
grep -q 'the best of 12 candidates for "a man running"' stderr || complain "the best are not named"
grep -qE '  1\. [0-9]{2}-a-man-running_.*png: edit [0-9.-]+, kept [0-9.-]+: ' stderr || complain "no reason"
grep -q '"complete": true' one/edit.json || complain "edit.json is not complete"
grep -q '"reason": "edit' one/edit.json || complain "the choice is not in edit.json"
grep -q '"kept": "SSIM"' one/edit.json || complain "what kept is, is not in edit.json"
grep -q '"edit": "CLIP direction"' one/edit.json || complain "what edit is, is not in edit.json"
[ "$(grep -c '"counts"' one/edit.json)" -eq 12 ] || complain "edit.json has no scores of all candidates"
grep -qF "$WORK" one/edit.json && complain "a local path is in edit.json"

echo "-- without a CLIP model"
OWN=("${EDIT[@]}" --steps 2 --auto --auto-pictures 6 --draw-batch 1 --out own)
expect 0 "no CLIP model was found, so the diffusion model itself judges" "${OWN[@]}"
grep -q '"edit": "diffusion classifier"' own/edit.json || complain "what edit is, is not in edit.json"
[ "$(grep -c '"diffusion_direction"' own/edit.json)" -eq 6 ] || complain "expected scores of 6 candidates"
cp -r own own-first
rm own/02-* own/05-*
expect 0 "" "${OWN[@]}"
for file in own-first/*; do
  cmp -s "$file" "own/${file#*/}" || complain "$file differs after a restart"
done

echo "-- the same again, and after a restart"
expect 0 "" "${FROM[@]}" --steps 2 --auto-pictures 12 --out two
for file in one/*; do
  cmp -s "$file" "two/${file#*/}" || [ "$file" = one/edit.json ] || complain "$file differs from the saved edit's"
done
cp -r two first
rm two/05-* two/11-*
touch -d 2000-01-01 two/*.png
expect 0 "" "${FROM[@]}" --steps 2 --auto-pictures 12 --out two
[ "$(find two -name '[0-9r]*.png' -newermt 2001-01-01 | wc -l)" -eq 2 ] || complain "expected 2 pictures drawn anew"
for file in first/*; do
  cmp -s "$file" "two/${file#*/}" || complain "$file differs after a restart"
done

echo "-- killed, then to its end"
"$FORGEDIT" "${FROM[@]}" --steps 20 --auto-steps 20 --auto-pictures 12 --out killed >stdout 2>stderr &
program=$!
for ((i = 0; i < 600; i++)); do
  ls killed/02-* >/dev/null 2>&1 && break
  sleep 0.1
done
kill -INT $program
wait $program
[ $? -eq 130 ] || complain "Ctrl-C: exit code"
[ -f killed/sheet.png ] && [ -f killed/report.html ] && [ -f killed/chart.png ] ||
  complain "Ctrl-C: no sheet, report and chart of what there is"
grep -q '"complete": false' killed/edit.json || complain "Ctrl-C: edit.json"
before=$(ls killed/[0-9]*.png | wc -l)
expect 0 "images were finished before and are kept" "${FROM[@]}" --steps 20 --auto-steps 20 --auto-pictures 12 --out killed
[ "$(ls killed/[0-9]*.png | wc -l)" -eq 12 ] || complain "Ctrl-C: expected 12 candidates at the end, from $before"

echo "-- other sweeps"
expect 0 "the best of 1 candidate for" "${FROM[@]}" --steps 2 --forget noencoder --gamma 1 --repeat 1 --out single
expect 0 "time limit of the automatic choice reached" "${FROM[@]}" --steps 300 --auto-seconds 1 --out seconds
grep -q '"complete": true' seconds/edit.json || complain "--auto-seconds: edit.json"
printf 'a man running\n{"target": "a red man", "interpolation": "vp", "forget": "noencoder"}\n' >story.txt
expect 0 'the best of 4 candidates for "a red man"' edit --from man.edit --targets story.txt --model "$MODEL" --steps 1 --unlearned \
  --auto --auto-pictures 4 --clip clip --out story
[ "$(ls story/*unlearned*.png | wc -l)" -eq 2 ] || complain "story: --unlearned"
mkdir -p hub/models--openai--clip-vit-base-patch32/snapshots && cp -r clip hub/models--openai--clip-vit-base-patch32/snapshots/0123
expect 0 "scoring with CLIP: openai/clip-vit-base-patch32" edit --from man.edit "a man" --model "$MODEL" --steps 1 --auto \
  --auto-pictures 1 --out hub-clip

end_of_test
