#!/usr/bin/env bash
# Runs `forgedit batch` as users do: invalid lists, lists that are stopped, killed and shared, one with a damaged
# picture. Also runs a benchmark that several processes share.
# usage: batch_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

export OMP_NUM_THREADS=1
# --workers divides the cores among workers. With a fixed number of threads, all of them write the same bytes.
SMALL=(--model "$MODEL" --size 64x64 --samples 4 --batch 2 --steps 2 --threads 1)
OPTIONS=("${SMALL[@]}" --gamma 1)
cp "$SOURCE_DIR/assets/miniature/demo.png" good.png
EDIT='"image": "good.png", "source": "a square"'
for ((i = 1; i <= 14; i++)); do
  echo "{$EDIT, \"target\": \"a red square $i\", \"seeds\": $((i == 6 ? 5 : i)), \"id\": \"e$i\"}"
done >long.jsonl  # long enough for several workers to take part
head -6 long.jsonl >list.jsonl

done_edits() { find "$1/edits" -mindepth 2 -maxdepth 2 2>/dev/null | wc -l; }
are_done() { [ "$(done_edits "$1")" -ge "$2" ]; }
# Prints data that would change if an edit were written again.
stamps() { find "$1/edits" -type f -printf '%P %i %T@\n' | sort; }
has_claim() { grep -qsF "\"worker\":\"$(basename "$2" .json)\"" "$1"/work/claims/*; }
# Prints the file in which the worker of a process records its item, if it has a claim.
record_of() { # FOLDER PROCESS
  local record
  record=$(grep -lsE "\"process\":$2[,}]" "$1"/work/workers/*.json) && has_claim "$1" "$record" && echo "$record"
}
is_at_work() { record_of "$1" "$2" >/dev/null; }
# ended CODE PROCESS WHAT: waits for the process and checks its exit code.
ended() {
  wait "$2"
  local got=$?
  [ $got -eq "$1" ] || complain "$3: exit code $got, expected $1"
}
makers() { cat "$1"/work/made/*.json 2>/dev/null | grep -o '"worker":"[^"]*"' | sort -u | wc -l; }
are_makers() { [ "$(makers "$1")" -ge "$2" ]; }
same_as_stopped() { # FOLDER: of the long list
  [ "$(done_edits "$1")" -eq 14 ] && ! diff -r stopped/edits "$1/edits" | grep -v "^Only in $1/edits" >&2
}
status() { # CODE LINE FOLDER
  expect "$1" "" batch --out "$3" --status
  grep -qE "^$2; [0-9] workers? at work$" stdout || complain "--status: no '$2' but $(cat stdout)"
}

echo "-- a benchmark alone, beside what follows"
BENCH=(bench miniedit --limit 3 --every 30 "${SMALL[@]}" --gamma 1)
"$FORGEDIT" "${BENCH[@]}" --out alone >bench.out 2>&1 &
alone=$!

echo "-- wrong lists"
# rejected MESSAGE_PART LINE...: expects one line of error, and no files.
rejected() {
  local part=$1
  shift
  [ $# -eq 0 ] || printf '%s\n' "$@" >wrong
  expect 2 "forgedit: $part" batch wrong --out nothing "${OPTIONS[@]}"
  [ "$(wc -l <stderr)" -eq 1 ] || complain "$part: expected one line"
  [ ! -e nothing ] || complain "$part: something was made"
}
GOOD="{$EDIT, \"target\": \"a cat\", \"id\": \"cat\"}"
rejected "wrong:2: gama: unknown key; did you mean 'gamma'?" "$GOOD" "{$EDIT, \"target\": \"a cow\", \"gama\": 1}"
rejected "wrong:3: image: $WORK/gone.png: no such file" "$GOOD" "" '{"image": "gone.png", "target": "a cow"}'
rejected "wrong:2: id: cat is already used in wrong:1" "$GOOD" "$GOOD"
rejected "wrong:2: target: duplicate key" "$GOOD" "{$EDIT, \"target\": \"a\", \"target\": \"b\"}"
rejected "wrong: expected one JSON object per line, found a JSON list" "[$GOOD]"
rejected "wrong:3: misplaced quote" image,target "good.png,a cat" 'good.png,a "red" cat'
rejected "wrong:3: expected 2 cells as in the first line, got 3" image,target "good.png,a cat" "good.png,a cat, sitting"
rejected "wrong: expected at least one line with an edit" "# none" ""
rejected "wrong:1: expected commas between the columns, found semicolons or tabs" "image;target" "good.png;a cat"
rejected "wrong:1: a number is too large: '1e400'" "{$EDIT, \"target\": \"a cat\", \"steps\": 1e400}"
rejected "wrong: expected a text file, found a zip archive" $'PK\003\004'
rejected "wrong:2: safety: $MODEL: has no safety checker" "$GOOD" "{$EDIT, \"target\": \"a cow\", \"safety\": \"report\"}"
printf '%s\n{"image": "%01200000d' "$GOOD" 0 >wrong
rejected "wrong:2: a line of 1200011 bytes, expected at most 1048576"

echo "-- usage errors"
echo "$GOOD" >cat.jsonl
mkdir other && touch other/notes
expect 2 "expected LIST" batch --out nothing "${OPTIONS[@]}"
expect 1 "--model: nowhere: no such model" batch cat.jsonl --out nothing --model nowhere
printf '%s\n' "$GOOD" '{"image": "wrong", "target": "a cow", "source": "a square"}' \
  "{$EDIT, \"target\": \"a dog\", \"region\": \"100,100,100,100\"}" >files.jsonl
expect 2 "2 of 3 edits cannot run" batch files.jsonl --out nothing "${OPTIONS[@]}" --dry-run
grep -q "files.jsonl:2: .*wrong: " stderr && grep -q "files.jsonl:3: region: " stderr || complain "--dry-run does not check files"
expect 2 "--keep: 'best' needs the automatic choice (auto), which cat.jsonl:1 does not use" \
  batch cat.jsonl --out nothing "${OPTIONS[@]}" --keep best
expect 2 "--keep: expected all or best, got 'some'" batch cat.jsonl --out nothing "${OPTIONS[@]}" --keep some
expect 2 "--workers: expected a number from 1 to 64, got '0'" batch cat.jsonl --out nothing "${OPTIONS[@]}" --workers 0
expect 2 "--gpus: expected all, a number of GPUs, or a list such as 0,1, got 'x'" \
  batch cat.jsonl --out nothing "${OPTIONS[@]}" --gpus x
expect 1 "nowhere: no such model folder or file" batch cat.jsonl --out nothing --model nowhere
expect 2 "--out: other: is not the folder of a batch" batch cat.jsonl --out other "${OPTIONS[@]}"
expect 2 "--out: nothing: contains no batch" batch --out nothing --status
expect 0 "plan: 6 edits of 1 picture, 12 images" batch list.jsonl --out nothing "${OPTIONS[@]}" --dry-run
[ ! -e nothing ] && [ "$(ls -A other)" = notes ] || complain "a usage error: something was made"

echo "-- a table from standard input, and the same as lines"
printf '%s\r\n' image,source,target,seeds,id 'good.png,"a ""big"" square, in red",a cow,2,1' '' \
  'good.png,a square,"a red, or
dark, square",,two' >table.csv
cat >lines.jsonl <<'LINES'
{"image": "good.png", "source": "a \"big\" square, in red", "target": "a cow", "seeds": 2, "id": "1"}
{"image": "good.png", "source": "a square", "target": "a red, or\ndark, square", "id": "two"}
LINES
"$FORGEDIT" batch - --out table "${OPTIONS[@]}" <table.csv >stdout 2>stderr || complain "a table: exit code $?"
expect 0 "2 of 2 edits done" batch lines.jsonl --out lines "${OPTIONS[@]}"
diff -r table/edits lines/edits >&2 || complain "a table and lines: other bytes"
status 0 "2 of 2 edits done" lines
ended 0 $alone "a benchmark alone"
"$FORGEDIT" "${BENCH[@]}" --out together >second.bench 2>&1 &
second=$!
"$FORGEDIT" "${BENCH[@]}" --out together --workers 2 >workers.bench 2>&1 &
workers=$!

echo "-- another list"
stamps lines >before
head -1 lines.jsonl >changed.jsonl
expect 2 "lines was started with another list: it had 2 edits and has 1 now" \
  batch changed.jsonl --out lines "${OPTIONS[@]}"
sed 's/"two"/"three"/' lines.jsonl >changed.jsonl
expect 2 "changed.jsonl:2: lines was started with another list: this edit was 'two' and is 'three' now" \
  batch changed.jsonl --out lines "${OPTIONS[@]}"
sed 's/"seeds": 2/"seeds": 3/' lines.jsonl >changed.jsonl
expect 2 "changed.jsonl:1: lines was started with another list: the edit '1' has other settings" \
  batch changed.jsonl --out lines "${OPTIONS[@]}" --dry-run
stamps lines | cmp -s before - || complain "another list: something was made"

echo "-- stopped"
: >before
for stop in TERM:75 USR1:75 INT:130; do
  # The shell starts background programs with SIGINT ignored, and they inherit that.
  env --default-signal=INT "$FORGEDIT" batch list.jsonl --out stopped "${OPTIONS[@]}" >stdout 2>stderr &
  program=$!
  within 60 are_done stopped $(($(done_edits stopped) + 1)) || complain "nothing is done"
  within 20 is_at_work stopped $program || complain "${stop%:*}: there is nothing to stop"
  kill -"${stop%:*}" $program
  ended "${stop#*:}" $program "SIG${stop%:*}"
  grep -q "^forgedit: [1-5] of 6 edits done, [1-5] left; the same command resumes$" stderr ||
    complain "SIG${stop%:*}: last line"
  [ -z "$(find stopped/work/claims stopped/work/workers -type f)" ] || complain "SIG${stop%:*}: a claim is left"
  stamps stopped >after
  [ -z "$(comm -23 before after)" ] || complain "SIG${stop%:*}: a finished edit was made again"
  cp after before
done
status 75 "[1-5] of 6 edits done, [1-5] left" stopped
[ "$(cat stderr)" = "forgedit: the batch is not finished" ] || complain "--status: work is left"
expect 0 "6 of 6 edits done" batch list.jsonl --out stopped "${OPTIONS[@]}"
stamps stopped >after
[ -z "$(comm -23 before after)" ] || complain "going on: a finished edit was made again"
expect 0 "6 done before" batch list.jsonl --out stopped "${OPTIONS[@]}"
stamps stopped | cmp -s after - || complain "a finished list: something was made"

echo "-- the same bytes as of edit"
expect 0 "" edit good.png "a red square 5" --source "a square" --seeds 5 --out edit "${OPTIONS[@]}"
diff -r edit stopped/edits/*/e5 >&2 || complain "edit and batch: other bytes"

echo "-- workers, one of them killed"
"$FORGEDIT" batch long.jsonl --out killed "${OPTIONS[@]}" --workers 2 >stdout 2>stderr &
program=$!
within 60 are_makers killed 2 || complain "--workers: one worker made all"
child=$(pgrep -P $program | head -1)
within 60 is_at_work killed "$child" || complain "--workers: the first one has nothing to do"
kill -KILL "$child"
ended 0 $program "--workers with one killed"
status 0 "14 of 14 edits done" killed
same_as_stopped killed || complain "--workers: other bytes"

echo "-- two commands on one folder"
"$FORGEDIT" batch long.jsonl --out shared "${OPTIONS[@]}" >second 2>&1 &
program=$!
expect 0 "14 of 14 edits done" batch long.jsonl --out shared "${OPTIONS[@]}"
ended 0 $program "the second command"
same_as_stopped shared || complain "two commands: other bytes"
[ "$(makers shared)" -eq 2 ] || complain "two commands: one of them made all"

echo "-- a damaged picture"
head -c 3000 good.png >damaged.png
{
  sed -n 1,2p list.jsonl
  echo '{"image": "damaged.png", "source": "a square", "target": "a circle", "id": "damaged"}'
} >mixed.jsonl
expect 3 "forgedit: 2 of 3 edits done, 1 failed: see failed.jsonl; --retry-failed runs them again" \
  batch mixed.jsonl --out mixed "${OPTIONS[@]}"
[ "$(wc -l <mixed/failed.jsonl)" -eq 1 ] && grep -qF "\"image\":\"$WORK/damaged.png\"" mixed/failed.jsonl ||
  complain "failed.jsonl: $(cat mixed/failed.jsonl)"
status 3 "2 of 3 edits done, 1 failed" mixed
grep -q "^failed: damaged: $WORK/damaged.png: " stdout || complain "--status: why it failed"
stamps mixed >before
expect 3 "1 failed before" batch mixed.jsonl --out mixed "${OPTIONS[@]}"
cp good.png damaged.png
expect 2 "mixed.jsonl:3: mixed was started with another list: the edit 'damaged'" \
  batch mixed.jsonl --out mixed "${OPTIONS[@]}"
expect 0 "1 of 1 edit" batch mixed/failed.jsonl --out mended "${OPTIONS[@]}"
expect 0 "3 of 3 edits done" batch mixed.jsonl --out mixed "${OPTIONS[@]}" --retry-failed
stamps mixed >after
[ -z "$(comm -23 before after)" ] || complain "--retry-failed: a finished edit was made again"
[ ! -e mixed/failed.jsonl ] || complain "failed.jsonl is still there"
diff -r mixed/edits/*/damaged mended/edits/*/damaged >&2 || complain "failed.jsonl and --retry-failed: other bytes"
status 0 "3 of 3 edits done" mixed

echo "-- a benchmark by two commands at once, one of them with two workers"
ended 0 $second "a benchmark by two commands"
ended 0 $workers "a benchmark by two workers"
grep -q "^2 workers" workers.bench || complain "bench --workers: $(cat workers.bench)"
# Scores without times, and pictures from IDAT on: before it they contain times.
untimed() { sed -E 's/(seconds": )[0-9.e-]+/\1/' "$1/scores.json"; }
seen() { tail -c "+$(LC_ALL=C grep -abo IDAT "$1" | sed 's/:.*//;q')" "$1"; }
diff <(untimed alone) <(untimed together) >&2 || complain "bench: other scores"
for picture in alone/edits/*/*.png; do
  cmp <(seen "$picture") <(seen "together${picture#alone}") || complain "bench: $picture differs"
done
[ "$(find alone/edits -name '*.png' | wc -l)" -eq 3 ] || complain "bench: expected 3 pictures"

end_of_test
