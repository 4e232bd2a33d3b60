#!/usr/bin/env bash
# The command line and the terminal: prompts used as typed, errors that name the mistake, lines that fit.
# usage: words_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

# expect CODE MESSAGE_PART ARGUMENT...: exit code; for an error one line and no files in out.
expect() {
  local code=$1 part=$2
  shift 2
  "$FORGEDIT" "$@" >stdout 2>stderr
  local got=$?
  [ $got -eq "$code" ] || complain "forgedit $*: exit code $got, expected $code"
  [ "$code" -eq 0 ] && return
  grep -qiF -- "$part" stderr || complain "forgedit $*: no '$part' in the message"
  [ "$(wc -l <stderr)" -eq 1 ] || complain "forgedit $*: more than one line"
  [ -e out ] && complain "forgedit $*: left an output folder behind"
}

good_picture good.png
QUICK=(--model "$MODEL" --steps 2 --samples 4 --batch 2 --gamma 0.8,1.0)
EDIT=(edit good.png "a red square" --source "a square")

echo "-- mistakes"
for version in -V --version version; do
  "$FORGEDIT" $version | grep -qE '^forgedit [0-9.]+ \((commit [0-9a-f]+(-dirty)?, )?LibTorch [0-9]' || complain "$version"
done
"$FORGEDIT" help edit | grep -q "^Usage: forgedit edit " || complain "help edit: the program's path in its usage"
"$FORGEDIT" help bench miniedit | grep -q "^Usage: forgedit bench miniedit" || complain "help bench miniedit"
"$FORGEDIT" help | grep -q "^Usage: forgedit " || complain "help"
"$FORGEDIT" help bench | grep -qF '{' && complain "help bench: braces"
expect 2 "unknown command 'edti'; did you mean 'edit'?" edti good.png "a red square"
expect 2 "unknown command 'edti'" help edti
expect 2 "unknown option '--gama'; did you mean '--gamma'?" "${EDIT[@]}" --gama 1
expect 2 "unexpected argument 'b'" learn good.png b --source "a square" --save x
expect 2 "write -- before" edit good.png "-a red square" --source "a square"
expect 2 "IMAGE comes first, then TARGET" edit "a red square" good.png --source "a square" --model "$MODEL"
expect 2 "--memory: expected GiB from 0.01 to 100000" "${EDIT[@]}" --memory lots
expect 2 "--precision: expected fp32 or bf16, got 'fp16': bf16 needs as little memory" "${EDIT[@]}" --precision fp16
expect 2 "unknown forgetting strategy 'xxxx" "${EDIT[@]}" --forget "$(head -c 100000 /dev/zero | tr '\0' x)"
[ "$(wc -c <stderr)" -lt 1000 ] || complain "a long value is repeated as a whole"
expect 1 "File name too long" "${EDIT[@]}" "${QUICK[@]}" --out "$(head -c 300 /dev/zero | tr '\0' x)"
expect 1 "/proc/x: cannot be created" "${EDIT[@]}" --model nowhere --out /proc/x

echo "-- prompts as typed"
expect 0 "" learn good.png --source "a square" --save square.edit --model "$MODEL" --samples 4 --batch 2
TYPED=(edit --from square.edit --model "$MODEL" --steps 1 --gamma 1)
expect 0 "" "${TYPED[@]}" "[a dog, a cat]" "[]" learn $'a "dog"\\\nbrown' "一只猫" "一只狗" --out typed
grep -qF '"[a dog, a cat]",' typed/edit.json && grep -qF '"[]",' typed/edit.json && grep -qF '"learn",' typed/edit.json &&
  grep -qF '"a \"dog\"\\\nbrown",' typed/edit.json || complain "prompts are not as typed in edit.json"
[ "$(grep -c '"target"' typed/edit.json)" -eq 6 ] || complain "prompts as typed: expected six"
ls typed | grep -q '^05-prompt-' && ls typed | grep -q '^06-prompt-' || complain "names of prompts that ASCII cannot hold"
[ "$(ls typed/0[56]-* | sed 's/.*prompt-//' | sort -u | wc -l)" -eq 2 ] || complain "two prompts share a name"
printf '[a dog]\na cat\n' >lines.txt
expect 2 "TARGET cannot be combined with --targets" edit good.png "[one]" --targets - --source "a dog" --model "$MODEL" \
  <lines.txt
expect 0 "" edit good.png --targets - --source $'a dog\nbrown, old' --model "$MODEL" --samples 2 --batch 2 \
  --steps 1 --gamma 1 --out standard-input <lines.txt
[ "$(ls standard-input/0*.png | wc -l)" -eq 2 ] || complain "--targets -"
grep -qaF 'Source: "a dog\nbrown, old", Version: ' standard-input/01-*.png || complain "parameters: a source of two lines"
expect 0 "" learn good.png --source "a square" --save "next one" --model "$MODEL" --samples 2 --batch 2
grep -qF "next: forgedit edit --from 'next one' TARGET --model" stderr || complain "learn: no next step"

echo "-- how much is said"
FROM=(edit --from square.edit "a red square" --model "$MODEL" --steps 2 --gamma 1)
expect 0 "" "${FROM[@]}" --out normal -v
[ "$(grep -c '^generating images .*%' stderr)" -eq 4 ] || complain "-v: expected a line for every step"
grep -q '^plan: ' stderr || complain "-v: no plan"
expect 0 "" "${FROM[@]}" --out quiet -q --negative ""
grep -qv '^warning: ' stderr && complain "-q: expected warnings only on stderr"
[ "$(wc -l <stdout)" -eq 5 ] || complain "-q: expected the paths of five results"
cmp -s normal/01-*.png quiet/01-*.png || complain "an empty negative prompt gives other bytes"
expect 0 "" "${FROM[@]}" --out json --json
[ ! -s stderr ] || complain "--json: expected nothing on stderr"
grep -qv '^{.*}$' stdout && complain "--json: expected nothing but objects"
[ "$(head -1 stdout) $(tail -1 stdout)" = '{"event":"started"} {"event":"done"}' ] || complain "--json: first and last event"
[ "$(grep -c '"event":"picture"' stdout)" -eq 2 ] || complain "--json: expected two pictures"
cmp -s normal/01-*.png json/01-*.png || complain "--json: another picture"
expect 2 "--gamma" "${FROM[@]}" --out bad --json --gamma 1:0:0.1
"$FORGEDIT" "${FROM[@]}" --out json --json --blend 0.5 --targets lines.txt >stdout 2>stderr
[ $? -eq 2 ] && grep -q '"event":"failed"' stdout && grep -q '"code":"usage"' stdout || complain "--json: a failure is an event"
expect 2 "--quiet excludes --json" "${FROM[@]}" --out bad --json -q
expect 0 "" learn good.png --source "a square" --save json.edit --model "$MODEL" --samples 2 --batch 2 --json
grep -q '"event":"learned","folder":"json.edit"' stdout || complain "learn --json"
echo '{"from": "square.edit", "target": "a cat"}' >list.jsonl
expect 0 "" batch list.jsonl --out json.batch --model "$MODEL" --steps 1 --gamma 1 --json
[ "$(tail -1 stdout)" = '{"event":"done"}' ] || complain "batch --json"

echo "-- locales"
LOCALE=(edit --from square.edit "a red square" --model "$MODEL" --steps 2)
german=de_DE.UTF-8
mkdir locales
LC_ALL=C localedef -i de_DE -f UTF-8 locales/$german 2>/dev/null || { echo "skipped: German cannot be created"; german=; }
export LOCPATH=$WORK/locales
for locale in xx_XX $german; do
  rm -rf locale
  LC_ALL=$locale expect 0 "plan: " "${LOCALE[@]}" --gamma 1.0 --blend 0.0 --guidance 7.5 --out locale
  diff -r normal locale >/dev/null || complain "LC_ALL=$locale: other results"
  grep -qi locale stderr && complain "LC_ALL=$locale: speaks of it"
  LC_ALL=$locale expect 2 "--gamma: expected numbers of at most 1000000, such as 0.8,1.0 or FIRST:LAST:STEP, got '0;8'" "${LOCALE[@]}" --gamma "0;8"
  LC_ALL=$locale expect 2 "expected a number from 0 to 1, got '0,5'" "${LOCALE[@]}" --blend 0,5
done
unset LOCPATH

echo "-- a picture from standard input"
for image in - good.png; do
  expect 0 "" edit $image "a red square" --source "a square" --model "$MODEL" --samples 2 --batch 2 --steps 1 \
    --gamma 1 --no-metadata --out from$image <good.png
done
cmp -s from-/01-*.png fromgood.png/01-*.png || complain "standard input gives another picture"
expect 1 "standard input is empty, expected a picture" edit - a --source b --model "$MODEL" </dev/null
ls "${TMPDIR:-/tmp}"/forgedit-*/stdin 2>/dev/null && complain "a picture of standard input is left behind"

echo "-- a negative prompt"
expect 0 "" "${FROM[@]}" --negative "a blurry photo" --out negative
cmp -s normal/01-*.png negative/01-*.png && complain "--negative changes nothing"
grep -q '"negative": "a blurry photo"' negative/edit.json || complain "--negative is not in edit.json"
grep -qaF 'Negative prompt: a blurry photo' negative/01-*.png || complain "--negative is not in the picture's parameters"
grep -q negative normal/edit.json && complain "edit.json names a negative prompt that was not given"
cp negative/01-*.png first.png
rm negative/01-*.png
expect 0 "" "${FROM[@]}" --negative "a blurry photo" --out negative
cmp -s negative/01-*.png first.png || complain "--negative: not the same bytes again"
echo '{"target": "a red square", "negative": "a blurry photo"}' >story.jsonl
expect 0 "" edit --from square.edit --targets story.jsonl --model "$MODEL" --steps 2 --gamma 1 --out negative-story
cmp -s negative-story/01-*.png first.png || complain "a story's negative prompt gives other bytes"
expect 2 "--negative" "${FROM[@]}" --negative $'\x01' --out bad

echo "-- terminal"
if command -v script >/dev/null; then
  terminal() {  # COLUMNS ASSIGNMENT...
    local columns=$1
    shift
    script -qec "stty cols $columns; env $* $FORGEDIT edit --from square.edit a --model $MODEL --out terminal --steps 40 --gamma 0:1:0.1" /dev/null \
      </dev/null 2>&1
    rm -rf terminal
  }
  terminal 40 TERM=xterm >shown
  tr '\r' '\n' <shown | grep ' left' | sed 's/\x1b\[K//' | grep -qE '^.{40,}$' && complain "a line of progress is too wide"
  grep -q $'\x1b\[K' shown || complain "a terminal's line of progress is not written over"
  grep -q $'\x1b\[33mwarning' shown || complain "warnings have no colour"
  terminal 40 TERM=xterm NO_COLOR=1 >shown
  grep -q $'\x1b\[3' shown && complain "NO_COLOR"
  terminal 40 TERM=dumb >shown
  grep -q $'\x1b' shown && complain "TERM=dumb"
  grep -qE 'generating images +[0-9]+ %' shown || complain "TERM=dumb: no progress"
else
  echo "skipped: script is not there"
fi

end_of_test
