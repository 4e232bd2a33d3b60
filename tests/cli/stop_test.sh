#!/usr/bin/env bash
# Stops the program, closes its outputs and limits its resources: it must end cleanly and keep finished results.
# usage: stop_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

cp "$SOURCE_DIR/assets/miniature/demo.png" good.png
"$FORGEDIT" learn good.png --source "a square" --samples 2 --batch 2 --size 64x64 --model "$MODEL" --save square.edit \
  >stdout 2>stderr || complain "learn: exit code $?"

echo "-- stopping"
LONG=(edit --from square.edit "a red square" --model "$MODEL" --gamma 0:10:0.1 --draw-batch 1)
first_picture() {
  local i
  for ((i = 0; i < 600; i++)); do
    [ -f "$1/reconstruction.png" ] && return
    sleep 0.1
  done
}
for signal in INT TERM HUP; do
  "$FORGEDIT" "${LONG[@]}" --steps 100 --out stopped$signal >stdout 2>stderr &
  program=$!
  first_picture stopped$signal
  kill -$signal $program
  [ $signal = HUP ] && kill -HUP $program 2>/dev/null # sent by the shell, after the terminal's own
  wait $program
  got=$?
  [ $got -eq 130 ] || complain "SIG$signal: exit code $got"
  [ -f stopped$signal/reconstruction.png ] && [ -f stopped$signal/sheet.png ] ||
    complain "SIG$signal: finished pictures are not kept"
  grep -q '"complete": false' stopped$signal/edit.json || complain "SIG$signal: edit.json"
  ls -A stopped$signal | grep -q tmp && complain "SIG$signal: temporary files"
done
grep -q "^forgedit: stopped: .* of 102 images are kept in stoppedHUP; the same command resumes" stderr ||
  complain "what is kept is not said"
# After a stop that follows learning, the next run does not learn again. Meanwhile a second process is rejected.
LATE=(edit good.png "a red square" --source "a square" --model "$MODEL" --size 64x64 --samples 4 --batch 2 --steps 100
  --gamma 0.8:1.4:0.1 --draw-batch 1 --out late)
"$FORGEDIT" "${LATE[@]}" >stdout 2>stderr &
program=$!
first_picture late
"$FORGEDIT" "${LATE[@]}" >/dev/null 2>second
[ $? -eq 1 ] && grep -q "late: in use by another forgedit (host .*, process $program, since 20" second ||
  complain "a second process in one folder: $(cat second)"
kill -INT $program
wait $program
[ -f late/unfinished-*.edit/learned.json ] && grep -q "images and the learned weights are kept in late" stderr ||
  complain "what was learned is not kept"
"$FORGEDIT" "${LATE[@]}" >stdout 2>stderr || complain "going on: exit code $?"
grep -q "using the saved edit in late/unfinished-" stderr || complain "what was kept is learned again"
ls late | grep -q unfinished && complain "what was kept stays after the end"
find late -name '.forgedit*' | grep -q . && complain "a lock or something temporary is left"
SHORT=(edit --from square.edit "a red square" --model "$MODEL" --gamma 0.2,0.4,0.6,0.8,1 --draw-batch 1)
(trap "" HUP && exec "$FORGEDIT" "${SHORT[@]}" --steps 20 --out nohup) >stdout 2>stderr &
program=$!
first_picture nohup
kill -HUP $program
wait $program || complain "nohup: SIGHUP ended the run"

echo "-- nobody reads"
"$FORGEDIT" "${SHORT[@]}" --steps 1 --out piped 2>stderr | head -1 >stdout
got=${PIPESTATUS[0]}
[ $got -eq 0 ] || complain "edit | head -1: exit code $got"
grep -q '"complete": true' piped/edit.json || complain "edit | head -1: the run is not complete"
"$FORGEDIT" "${SHORT[@]}" --steps 1 --out unread >&- 2>stderr || complain "edit >&-: exit code $?"
[ -f unread/sheet.png ] || complain "edit >&-: no sheet"
"$FORGEDIT" inspect "$MODEL" >/dev/full 2>stderr && complain "inspect >/dev/full: exit code 0"
grep -q "stdout cannot be written: No space left" stderr || complain "inspect >/dev/full: message"
"$FORGEDIT" inspect "$MODEL" 2>stderr | true
[ -s stderr ] && complain "inspect | true: it says something"

echo "-- limits"
# limited CODE MESSAGE LIMIT...: expects an end within seconds, one line of error, no signal.
limited() {
  local code=$1 part=$2
  shift 2
  (ulimit "$@" && exec timeout -k 1 30 "$FORGEDIT" edit good.png "a cat" --source "a square" --samples 2 --batch 2 \
    --steps 1 --gamma 1 --model "$MODEL" --threads 1 --out limited) >stdout 2>stderr
  local got=$?
  [ $got -eq "$code" ] || complain "ulimit $*: exit code $got"
  grep -qF -- "$part" stderr || complain "ulimit $*: no '$part'"
  rm -rf limited
}
limited 1 "the limit on memory (ulimit -v or -d)" -v 700000
limited 1 "the limit on memory (ulimit -v or -d)" -d 200000
limited 1 "the limit on memory (ulimit -v or -d)" -d 550000
limited 1 "the limit on the stack (ulimit -s)" -s 128
(ulimit -f 500 && exec "$FORGEDIT" learn good.png --source "a square" --samples 2 --batch 2 --model "$MODEL" \
  --save large.edit) >stdout 2>stderr
got=$?
[ $got -eq 1 ] || complain "ulimit -f: exit code $got"
grep -q "large.edit.*: File too large" stderr || complain "ulimit -f: message"
find . -name '.forgedit*' | grep -q . && complain "ulimit -f: a half-written file"

end_of_test
