#!/usr/bin/env bash
# Runs `forgedit score` and `forgedit bench` as users do: exit codes, messages, files, and a run that is killed.
# usage: bench_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

# Two pictures in formats that do not match their extensions, and a missing one.
mkdir -p ted/originals
cp "$SOURCE_DIR/assets/miniature/demo.png" ted/originals/man.png
cp "$SOURCE_DIR/assets/miniature/demo.png" ted/originals/other.jpeg
cat >ted/input_list.json <<'END'
[{"img_name": "man.png", "target_text": "A man running."}, {"img_name": "gone.png", "target_text": "A cat."},
 {"img_name": "other.jpeg", "target_text": "A woman walking."}, {"img_name": "man.png", "target_text": "A red apple."}]
END
BENCH=(bench tedbench --data ted --model "$MODEL" --source "a man" --samples 2 --batch 1 --size 64x64 --gamma 0.8,1.0)

echo "-- score"
expect 0 "skipped: CLIPScore (no CLIP model given)" score ted/originals/man.png ted/originals/other.jpeg --target "a man" \
  --model "$MODEL"
grep -q "1.0000" stdout || complain "score: SSIM of equal pictures"
expect 0 "" score ted/originals/man.png ted/originals/other.jpeg --target "a man" --model "$MODEL" --json
grep -q '"lpips_vgg": "no weights given"' stdout || complain "score --json: what is skipped"
expect 2 "--target" score ted/originals/man.png ted/originals/other.jpeg
expect 1 "nowhere: no such CLIP folder" score ted/originals/man.png ted/originals/man.png --target "a" --clip nowhere
expect 1 "alex.pth: no such file" score ted/originals/man.png ted/originals/man.png --target "a" --lpips alex.pth
echo "no weights" >text.pth
expect 1 "text.pth: neither a safetensors nor a PyTorch file" score ted/originals/man.png ted/originals/man.png \
  --target "a" --lpips text.pth

echo "-- usage errors of bench"
expect 2 "--steps" bench --steps 0
expect 2 "--source: give a caption: there is no captioner" bench tedbench --data ted --model "$MODEL"
expect 1 "not a TEdBench folder" bench tedbench --data . --model "$MODEL" --source "a man"
expect 1 "not an EditEval_v1 folder" bench editeval --data ted --model "$MODEL"
expect 2 "--published: expected vp or vs" "${BENCH[@]}" --published maybe
expect 2 "--published: has its own strategies and strengths: it cannot be combined with preset" "${BENCH[@]}" --published vs

echo "-- a run that is killed"
"$FORGEDIT" "${BENCH[@]}" --steps 60 --out run >stdout 2>stderr &
program=$!
for ((i = 0; i < 600; i++)); do
  ls run/edits/*/*.png >/dev/null 2>&1 && break
  sleep 0.1
done
kill -KILL $program
wait $program 2>/dev/null
[ -f run/report.html ] && complain "the run was not killed in the middle"
find run/edits -name '*.png' -printf '%p %T@\n' | sort >before
[ -s before ] || complain "nothing was generated before the kill"
leftover=.forgedit-0123456789abcdef.tmp
for folder in run run/edits/001*; do touch "$folder/$leftover"; done
expect 3 "002-gone-a-cat: failed: gone.png: no such file" "${BENCH[@]}" --steps 60 --out run
grep -q "forgedit: 1 of 4 edits failed" stderr || complain "the last line does not say that an edit failed"
find run/edits -name '*.png' -printf '%p %T@\n' | sort >after
[ "$(wc -l <after)" -eq 6 ] || complain "expected 6 pictures"
[ -z "$(comm -23 before after)" ] || complain "an image was generated twice"
find run -name '*.tmp' | grep -q . && complain "what a killed run left is still there"
grep -q "3 done, 1 failed, 0 skipped" stdout || complain "the summary"
[ "$(grep -o 'data:image/webp' run/report.html | wc -l)" -eq 8 ] || complain "pictures in the report"
grep -qF "$WORK" run/report.html run/scores.json run/table.txt && complain "a local path is in the results"
expect 2 "contains a run with other settings (sweep)" "${BENCH[@]}" --steps 50 --out run

echo "-- pictures made elsewhere"
mkdir given
cp run/edits/001*/01*.png "given/man.png-A_man_running.png"
cp run/edits/003*/01*.png "given/letter.png"
expect 0 "skipped, belongs to no edit: letter.png" bench score --data ted --results given --set "some set" --model "$MODEL"
grep -q "TEdBench: some set" stdout || complain "bench score: the set's name"
grep -q "1 done, 0 failed, 3 skipped" stdout || complain "bench score: the summary"
[ -f out/scores-some-set/report.html ] && [ -f out/scores-some-set/sheet.png ] || complain "bench score: the default folder"

echo "-- true answers"
EDITS=(bench miniedit --model "$MODEL" --limit 2 --samples 2 --batch 1 --gamma 0.8,1.0 --size 64x64)
"$FORGEDIT" "${EDITS[@]}" --steps 60 --out mini >stdout 2>stderr &
program=$!
for ((i = 0; i < 600; i++)); do
  ls mini/edits/*/*.png >/dev/null 2>&1 && break
  sleep 0.1
done
kill -KILL $program
wait $program 2>/dev/null
[ -f mini/report.html ] && complain "the run was not killed in the middle"
find mini/edits -name '*.png' -printf '%p %T@\n' | sort >before
expect 0 "" "${EDITS[@]}" --steps 60 --out mini
find mini/edits -name '*.png' -printf '%p %T@\n' | sort >after
[ "$(wc -l <after)" -eq 4 ] || complain "expected 4 pictures"
[ -z "$(comm -23 before after)" ] || complain "an image was generated twice"
grep -q "^right / kept / both" stdout || complain "bench miniedit: the table"
for key in right kept right_and_kept; do
  grep -q "^ \"$key\": [01]" mini/scores.json || complain "bench miniedit: $key in scores.json"
done
. "$SOURCE_DIR/tests/support/make_clip.sh"
make_clip clip "$MODEL"
for run in 1 2; do  # the second run generates nothing
  expect 0 "" "${EDITS[@]}" --steps 3 --out chosen --auto --auto-pictures 4 --clip clip
  find chosen/edits -name 'auto-*.png' -printf '%p %T@\n' | sort >"auto$run"
done
[ "$(wc -l <auto1)" -eq 8 ] || complain "bench miniedit --auto: expected 8 pictures"
expect 0 "" "${BENCH[@]}" --steps 3 --out ted-chosen --limit 1 --auto --auto-pictures 4 --clip clip
grep -q "^automatic " stdout || complain "bench tedbench --auto: the summary"
grep -q "^001-man-a-man-running  .*auto" ted-chosen/table.txt || complain "bench tedbench --auto: the chosen picture"
cmp -s auto1 auto2 || complain "bench miniedit --auto: an image was generated twice"
[ "$(grep -c '"chosen": true' chosen/scores.json)" -eq 2 ] || complain "bench miniedit --auto: one choice an edit"
for run in 1 2; do  # without CLIP the model itself judges; the second run scores the same images again
  rm -f judged/edits/*/record.json
  expect 0 "" "${EDITS[@]}" --steps 3 --out judged --auto --auto-pictures 4
  grep -h '"diffusion_' judged/edits/*/record.json >"judged$run"
done
[ "$(grep -c '"diffusion_direction"' judged/scores.json)" -eq 8 ] || complain "bench miniedit --auto without CLIP: the scores"
[ "$(grep -c '"chosen": true' judged/scores.json)" -eq 2 ] || complain "bench miniedit --auto without CLIP: the choice"
cmp -s judged1 judged2 || complain "bench miniedit --auto without CLIP: other scores of the same images"
grep -q '"protocol": "automatic"' chosen/scores.json || complain "bench miniedit --auto: the protocol"
expect 0 "" bench miniedit-s --model "$MODEL" --limit 1 --samples 2 --batch 1 --gamma 1 --size 64x64 --steps 3 --out styles
grep -q "^unseen style: flat " stdout || complain "bench miniedit-s: a row for the style"
for key in background style; do
  grep -q "\"$key\": [01]" styles/scores.json || complain "bench miniedit-s: $key in scores.json"
done
expect 1 "not a MiniEdit folder" bench miniedit --data ted --model "$MODEL"

end_of_test
