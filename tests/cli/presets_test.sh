#!/usr/bin/env bash
# Presets from the user's own file, in all commands with --preset.
# usage: presets_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

good_picture good.png
export XDG_CONFIG_HOME=$WORK/config
FILE=$XDG_CONFIG_HOME/forgedit/presets.json
mkdir -p "$XDG_CONFIG_HOME/forgedit"

echo "-- edit"
cat >"$FILE" <<'JSON'
{"quick": {"samples": 4, "batch": 2, "unet_lr": 0.0001, "gamma": "0.8:1.0:0.2", "steps": 3, "seeds": [5, 6],
           "guidance": 4.5, "negative": "[a blurry photo]", "forget": ["noencoder"], "unlearned": false},
 "plain": {"method": "dreambooth", "samples": 6, "batch": 2, "metadata": false, "draw_batch": 2}}
JSON
EDIT=(edit good.png "a red square" --source "a square" --model "$MODEL")
expect 0 "" "${EDIT[@]}" --preset quick --out preset
expect 0 "" "${EDIT[@]}" --samples 4 --batch 2 --unet-lr 0.0001 --gamma 0.8:1.0:0.2 --steps 3 --seeds 5,6 --guidance 4.5 \
  --negative "[a blurry photo]" --forget noencoder --out options
diff -r preset options >/dev/null || complain "a preset is not what its options are"
grep -q '"negative": "\[a blurry photo\]"' preset/edit.json || complain "a preset's negative prompt"
expect 0 "" "${EDIT[@]}" --gamma 1 --preset quick --seeds 2 --steps 2 --out typed
[ "$(ls typed/*seed2.png | wc -l)" -eq 1 ] && grep -q '"steps": 2' typed/edit.json || complain "options typed beside a preset"
expect 0 "" "${EDIT[@]}" --preset plain --steps 1 --gamma 1 --samples 8 --out plain
grep -q '"method": "dreambooth"' plain/edit.json && grep -q '"samples": 8' plain/edit.json || complain "a preset's method"
grep -qa '"software"' plain/01-*.png && complain "a preset's metadata"
expect 0 "" "${EDIT[@]}" --preset plain --method vanilla --steps 1 --gamma 1 --out vanilla
grep -q '"method": "vanilla"' vanilla/edit.json && grep -q '"samples": 6' vanilla/edit.json || complain "a method typed beside"

echo "-- learn, edit --from, batch"
expect 0 "" learn good.png --source "a square" --preset quick --model "$MODEL" --save quick.edit
grep -q '"seed": 5' quick.edit/learned.json && grep -q '"samples": 4' quick.edit/learned.json || complain "learn --preset"
expect 0 "" edit --from quick.edit "a red square" --preset quick --model "$MODEL" --out from
cmp -s from/01-*.png preset/01-*.png || complain "learn --preset, then edit --from --preset"
echo '{"from": "quick.edit", "target": "a red square"}' >list.jsonl
expect 0 "" batch list.jsonl --preset quick --out list --model "$MODEL"
cmp -s list/edits/*/*/01-*.png preset/01-*.png || complain "batch --preset"
HOME=$WORK/home XDG_CONFIG_HOME='' expect 2 "$WORK/home/.config/forgedit/presets.json has none" "${EDIT[@]}" --preset quick

echo "-- wrong"
wrong() {  # MESSAGE: expects an error before anything starts
  expect 2 "$1" "${EDIT[@]}" --preset "${2:-quick}" --out wrong
  [ "$(wc -l <stderr)" -eq 1 ] || complain "$1: more than one line"
  [ -e wrong ] && complain "$1: began to work"
}
wrong "--preset: expected published, story, plain, quick, got 'nosuch'" nosuch
expect 2 "--preset: expected published, plain, quick, got 'story'" learn good.png --source "a square" --preset story --save x
file() { printf '%s' "$1" >"$FILE"; }
file '{"quick": {"gamm": 1}}' && wrong "$FILE: quick.gamm: unknown key; did you mean 'gamma'?"
file '{"quick": {"steps": "30"}}' && wrong "$FILE: quick.steps: expected a whole number from 1 to 999"
file '{"quick": {"target": "a cat"}}' && wrong "$FILE: quick.target: unknown key"
file '{"quick": {"gamma": "1:0:0.1"}}' && wrong "$FILE: quick.gamma: expected FIRST <= LAST"
file '{"quick": {"auto": {"pictures": 0}}}' && wrong "$FILE: quick.auto.pictures: expected a whole number from 1"
file '{"quick": {}, "other": {"steps": 0}}' && wrong "$FILE: other.steps: expected"
file '{"quick": 7}' && wrong "$FILE: quick: expected a JSON object"
file '[]' && wrong "$FILE: expected a JSON object"
file '{"quick": {' && wrong "$FILE: not valid JSON: parse error at line 1"
file '{"quick": {}, "quick": {"steps": 3}}' && wrong "$FILE: quick: duplicate key"
file '{"story": {"steps": 3}}' && wrong "$FILE: story: is a preset of the program"
wrong "$FILE: story: is a preset of the program" published
rm "$FILE" && mkdir "$FILE" && wrong "$FILE: "

end_of_test
