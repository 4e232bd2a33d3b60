#!/usr/bin/env bash
# Runs the program as users do: exit codes, messages and files of valid and invalid calls.
# usage: program_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

# expect CODE MESSAGE_PART ARGUMENT...: exit code, message of at most three lines, no stack trace, no files in out.
expect() {
  local code=$1 part=$2
  shift 2
  "$FORGEDIT" "$@" >stdout 2>stderr
  local got=$?
  local call="forgedit $*"
  [ $got -eq "$code" ] || complain "$call: exit code $got, expected $code"
  [ "$code" -eq 0 ] && return
  grep -v -e '^model ' -e '^picture ' stderr >message
  grep -qiF -- "$part" message || complain "$call: no '$part' in the message"
  [ "$(wc -l <message)" -le 3 ] || complain "$call: more than three lines"
  grep -qE 'frame #|Exception raised from|terminate called' stderr && complain "$call: a stack trace"
  [ -e out ] && complain "$call: left an output folder behind"
  rm -rf out
}

# little_endian WIDTH VALUE: writes an unsigned integer.
little_endian() {
  local i value=$2
  for ((i = 0; i < $1; i++)); do
    printf "\\x$(printf %02x $((value & 255)))"
    value=$((value >> 8))
  done
}

# safetensors HEADER DATA_BYTES: writes a file with this header and zeros as data.
safetensors() {
  little_endian 8 ${#1}
  printf %s "$1"
  head -c "$2" /dev/zero
}

good_picture good.png

# Copies the model, so that the test can replace its UNet weights.
copy_model() {
  rm -rf "$1"
  cp -r "$MODEL" "$1"
  chmod -R u+w "$1"
}
WEIGHTS=unet/diffusion_pytorch_model.safetensors
QUICK=(--model "$MODEL" --steps 2 --samples 4 --batch 2 --gamma 0.8,1.0)
EDIT=(edit good.png "a red square" --source "a square")

echo "-- usage errors"
"$FORGEDIT" >stdout 2>stderr
[ $? -eq 2 ] && grep -q "Usage" stderr || complain "no subcommand: expected the help and exit code 2"
expect 2 "did you mean '--gamma'" "${EDIT[@]}" "${QUICK[@]}" --gama=1
expect 2 "did you mean '--out'" "${EDIT[@]}" "${QUICK[@]}" --output file
expect 2 "did you mean 'learn'" lern good.png
expect 2 "did you mean 'noencoder'" "${EDIT[@]}" "${QUICK[@]}" --forget noencodr
expect 2 "--gama" "${EDIT[@]}" "${QUICK[@]}" --gama 1
expect 2 "IMAGE and TARGET" edit
expect 2 "TARGET" edit good.png --source "a square"
expect 2 "--source: give a caption: there is no captioner (a BLIP model) at $MODEL/captioner" \
  edit good.png "a red square" "${QUICK[@]}"
expect 2 "--source: give a caption: there is no captioner" learn good.png --save learned.edit --model "$MODEL"
expect 2 "--captioner: cannot be combined with source" "${EDIT[@]}" "${QUICK[@]}" --captioner blip
expect 2 "--captioner cannot be combined with --from" edit --from learned.edit "a dog" --captioner blip
expect 1 "blip: no such captioner folder" edit good.png "a red square" "${QUICK[@]}" --captioner blip
expect 1 "blip: no such captioner folder" caption good.png --captioner blip
expect 2 "IMAGE" caption --captioner blip
expect 2 "--beams" caption good.png --captioner blip --beams 0
expect 2 "TARGET: expected the prompt of the edit, got an empty text" edit good.png "" --source "a square" "${QUICK[@]}"
expect 2 "TARGET: expected the prompt of the edit, got an empty text" edit good.png "  " --source "a square" "${QUICK[@]}"
expect 0 "blend changes nothing: the strategy donotforget restores no weights" "${EDIT[@]}" "${QUICK[@]}" --blend 0.5 --dry-run
expect 2 "--stratified-timesteps excludes --uniform-timesteps" "${EDIT[@]}" --uniform-timesteps --stratified-timesteps
expect 2 "--overwrite requires --save" "${EDIT[@]}" --overwrite --out nowhere
expect 2 "--steps: given more than once" "${EDIT[@]}" --steps 2 --steps 3 --out nowhere
expect 2 "--samples: expected at least one batch of 20, got 10" bench --samples 10 --batch 20
expect 2 "--json: $WORK/gone: no such folder" bench --json gone/speed.json
expect 2 "TARGET: the prompt 'a red square' is given twice" "${EDIT[@]}" "${EDIT[2]}" --out nowhere
expect 2 "--mask: expected a value, got an empty one" "${EDIT[@]}" --mask "" --out nowhere
expect 2 "--save: expected a value, got an empty one" "${EDIT[@]}" --save= --out nowhere
expect 2 "IMAGE: expected a value, got an empty one" learn "" --source "a square"
expect 2 "--source: expected the caption of the picture, got an empty text" edit good.png "a red square" --source " " "${QUICK[@]}"
expect 2 "donotforget, encoderkv, noencoder" "${EDIT[@]}" "${QUICK[@]}" --forget noencodr
expect 2 "unknown interpolation" "${EDIT[@]}" "${QUICK[@]}" --interpolation linear
expect 2 "--gamma" "${EDIT[@]}" --model "$MODEL" --gamma 1:0:0.1
expect 2 "--seeds" "${EDIT[@]}" "${QUICK[@]}" --seeds -1
expect 2 "--steps" "${EDIT[@]}" "${QUICK[@]}" --steps 0
expect 2 "--guidance" "${EDIT[@]}" "${QUICK[@]}" --guidance nan
expect 2 "--samples" "${EDIT[@]}" --model "$MODEL" --samples 4
expect 2 "WIDTHxHEIGHT" "${EDIT[@]}" "${QUICK[@]}" --size 64x
expect 2 "multiples of 64" "${EDIT[@]}" "${QUICK[@]}" --size 96
expect 2 "multiples of 64" "${EDIT[@]}" "${QUICK[@]}" --size 100x64
expect 2 "--background" "${EDIT[@]}" "${QUICK[@]}" --background nocolour
expect 2 "--device" "${EDIT[@]}" "${QUICK[@]}" --device tpu
expect 2 "--save: give the folder for the saved edit" learn good.png --source "a square" --model "$MODEL"
touch file
expect 2 "expected a directory, found a file" "${EDIT[@]}" "${QUICK[@]}" --out file
expect 2 "expected a directory, found a file" "${EDIT[@]}" "${QUICK[@]}" --out file/below
expect 2 "found a file" "${EDIT[@]}" "${QUICK[@]}" --save file
mkdir full && touch full/letter
expect 2 "not part of a saved edit" "${EDIT[@]}" "${QUICK[@]}" --save full
"$FORGEDIT" edit --help | grep -q "Examples:" || complain "edit --help"
"$FORGEDIT" --version | grep -qE '^forgedit [0-9]' || complain "--version"

echo "-- pictures"
picture() { expect 1 "$2" edit "$1" "a red square" --source "a square" "${QUICK[@]}"; }
: >empty.png
head -c 100 good.png >truncated.png
echo "hello" >text.png
base64 -d >dot.png <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNgZGIGAAAOAAfpkjfU
AAAAAElFTkSuQmCC
PNG
base64 -d >huge.png <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAdTAAAHUwCAIAAADpRW/tAAAACUlEQVR42mMAAAABAAGxDbaTAAAA
AElFTkSuQmCC
PNG
picture missing.png "no such file"
picture empty.png "empty"
picture truncated.png "truncated"
picture text.png "not a picture"
picture dot.png "too small"
picture huge.png "too large"
picture . "directory"

echo "-- models"
expect 1 "no such model folder" "${EDIT[@]}" --model nowhere
broken() { expect 1 "$1" "${EDIT[@]}" --steps 2 --samples 4 --batch 2 --model broken; }
copy_model broken && rm -r broken/unet
broken "unet: no such folder"
copy_model broken && truncate -s 5000 broken/$WEIGHTS
broken "truncated"
copy_model broken && little_endian 8 4000000000 >broken/$WEIGHTS
broken "header length"
copy_model broken && printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >broken/$WEIGHTS
broken "git-lfs pointer"
copy_model broken
safetensors '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}' \
  12 >broken/$WEIGHTS
broken "overlap"
copy_model broken
safetensors '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}' 8 >broken/$WEIGHTS
broken "needs 12 bytes"
# The real header with one change, and the real data.
header_bytes=$(od -An -tu8 -N8 "$MODEL/$WEIGHTS" | tr -d ' ')
header=$(tail -c +9 "$MODEL/$WEIGHTS" | head -c "$header_bytes")
with_header() {
  copy_model broken
  { little_endian 8 ${#1} && printf %s "$1" && tail -c +$((9 + header_bytes)) "$MODEL/$WEIGHTS"; } >broken/$WEIGHTS
}
bias=$(grep -o '"conv_in.bias":{[^}]*}' <<<"$header")
with_header "${header/"$bias"/"${bias/F32/I32}"}"
expect_lines_of_strict_loading() {
  "$FORGEDIT" "${EDIT[@]}" --model broken >stdout 2>stderr
  local got=$?
  [ $got -eq 1 ] || complain "strict loading: exit code $got"
  grep -qF "$1" stderr || complain "strict loading: no '$1'"
}
expect_lines_of_strict_loading "conv_in.bias (expected floating point"
with_header "${header/"$bias"/"${bias/\[16\]/[4,4]}"}"
expect_lines_of_strict_loading "conv_in.bias (expected 16, found 4x4)"
with_header "${header/conv_in.bias/conv_in.base}"
expect_lines_of_strict_loading "missing 1: conv_in.bias"
grep -q "unexpected 1: conv_in.base" stderr || complain "strict loading: unexpected tensor not named"
# NaN in the last bias: detected when the first loss is not finite.
copy_model broken
begin=$(grep -o '"conv_out.bias":{[^}]*}' <<<"$header" | grep -o '\[[0-9]*,[0-9]*\]' | tail -1 | tr -d '[' | cut -d, -f1)
printf '\x00\x00\xc0\x7f' | dd of=broken/$WEIGHTS bs=1 seek=$((8 + header_bytes + begin)) conv=notrunc status=none
expect 1 "not finite" "${EDIT[@]}" --model broken --steps 2 --samples 4 --batch 2
if ! ls /dev/nvidia0 >/dev/null 2>&1; then
  expect 1 "--device: cuda: " "${EDIT[@]}" "${QUICK[@]}" --device cuda
fi

expect 2 "--beta: needs interpolation vp" "${EDIT[@]}" "${QUICK[@]}" --beta 1.2
expect 2 "--gamma: needs interpolation vs" "${EDIT[@]}" --interpolation vp --gamma 0.8
expect 2 "--steps" "${EDIT[@]}" --steps 010

echo "-- the miniature's place"
mkdir -p assets/miniature && cp -r "$SOURCE_DIR/assets/fonts" assets/
FORGEDIT_ASSETS=$WORK/assets expect 1 "miniature is not installed" "${EDIT[@]}" --samples 10
cp -r "$MODEL" assets/miniature/model
FORGEDIT_ASSETS=$WORK/assets "$FORGEDIT" "${EDIT[@]}" --steps 1 --samples 2 --batch 2 --gamma 1 --out mini >stdout 2>stderr ||
  complain "miniature"
head -1 stderr | grep -q "^warning: no --model given: using the miniature, a small demo model for 3D emoji" || complain "the miniature is not named first"
grep -q "warning: the miniature's VAE reconstructs this picture at" stderr || complain "no warning under 22 dB"

echo "-- results"
expect 0 "" "${EDIT[@]}" "${QUICK[@]}" --out one --save square.edit --unlearned --forget orig,noencoder
expect 0 "" "${EDIT[@]}" "${QUICK[@]}" --out two --unlearned --forget orig,noencoder
expect 0 "" edit --from square.edit "a red square" --model "$MODEL" --steps 2 --gamma 0.8,1.0 --unlearned \
  --forget orig,noencoder --out three
[ "$(ls one | wc -l)" -eq 9 ] || complain "expected 6 pictures, sheet.png, report.html and edit.json in one"
[ -f one/01-a-red-square_vs-0.8_donotforget_seed0.png ] || complain "name of the first edit"
for file in one/*; do
  cmp -s "$file" "two/${file#*/}" || complain "$file differs when drawn a second time"
  cmp -s "$file" "three/${file#*/}" || [ "$file" = one/edit.json ] ||
    complain "$file differs when drawn from the saved edit"
done
grep -q "reconstruction PSNR [0-9.]* dB$" stderr || complain "the reconstruction is not named"
grep -q "hardly learned the picture" stderr || complain "no warning of a reconstruction that is far off"
grep -q '"complete": true' one/edit.json || complain "edit.json is not complete"
grep -rqaF -e "$WORK" -e "$SOURCE_DIR" one square.edit && complain "a local path is in the results"
grep -qaF '"gamma":0.8' one/01-*.png || complain "no settings inside the picture"
grep -qaF 'CFG scale: 7.5' one/01-*.png || complain "no parameters inside the picture"
expect 0 "" edit --from square.edit "a red square" --model "$MODEL" --steps 1 --gamma 1 --out plain --no-metadata \
  --output-size source
grep -qaF 'gamma' plain/01-*.png && complain "--no-metadata left settings inside the picture"
[ "$(od -An -tx1 -j16 -N8 plain/01-*.png | tr -d ' ')" = 0000001800000010 ] || complain "--output-size source"
expect 2 "--safety: $MODEL: has no safety checker" edit --from square.edit "a red square" --model "$MODEL" \
  --out checked --safety report
expect 2 "--safety: expected off, report or withhold, got 'yes'" edit --from square.edit "a red square" --safety yes
[ -e checked ] && complain "--safety without a checker writes a folder"
expect 0 "" edit --from square.edit "a red square" --model "$MODEL" --steps 1 --gamma 1
expect 0 "" edit --from square.edit "a red square" --model "$MODEL" --steps 1 --gamma 1
[ -f out/good-a-red-square/sheet.png ] && [ -f out/good-a-red-square-2/sheet.png ] || complain "default folders"
rm -rf out
expect 2 "IMAGE cannot be combined with --from" edit --from square.edit good.png "a red square" --model "$MODEL"
expect 2 "--samples cannot be combined with --from" edit --from square.edit "a red square" --model "$MODEL" --samples 10
expect 1 "not a saved edit" edit --from one "a red square" --model "$MODEL"

echo "-- learn, then edit in another process"
cp good.png other.png
SAVE=(--save square.edit --model "$MODEL" --batch 2)
cp -r square.edit before.edit
expect 0 "" learn other.png --source "a square" "${SAVE[@]}" --samples 4
grep -q "already contains the same picture, learned with the same settings" stderr || complain "the same picture under another name"
expect 2 'contains a saved edit with the source "a square"' learn good.png --source "a ring" "${SAVE[@]}" --samples 4
expect 2 "contains a saved edit with samples 4 instead of 6" learn good.png --source "a square" "${SAVE[@]}" --samples 6
cp one/01-*.png third.png
expect 2 "contains a saved edit of another picture or at another size (good.png, 24x16" learn third.png --source "a square" "${SAVE[@]}" --samples 4
cp good.png moved.png && cp third.png good.png
expect 2 "contains a saved edit of another picture" learn good.png --source "a square" "${SAVE[@]}" --samples 4
mv moved.png good.png
diff -r square.edit before.edit || complain "a saved edit that was to be kept has changed"
expect 0 "" learn good.png --source "a square" --save learned.edit --model "$MODEL" --samples 4 --batch 2
expect 0 "" edit --from learned.edit "a red square" --model "$MODEL" --steps 2 --gamma 0.8,1.0 --unlearned \
  --forget orig,noencoder --out four
cmp -s one/sheet.png four/sheet.png || complain "learn + edit --from differs from edit"
echo "-- methods"
METHOD=(--model "$MODEL" --steps 2)
expect 0 "" "${EDIT[@]}" "${METHOD[@]}" --method dreambooth --samples 4 --batch 2 --gamma 1 --forget nodecoder \
  --out booth --save booth.edit
[ -f booth.edit/text_encoder.safetensors ] || complain "dreambooth: the text encoder is not saved"
"$FORGEDIT" inspect booth.edit >stdout 2>stderr
grep -q "learned text encoder" stdout && grep -q "learned with dreambooth from 4 samples" stdout ||
  complain "inspect of what dreambooth learned"
expect 0 "" edit --from booth.edit "a red square" "${METHOD[@]}" --gamma 1 --forget nodecoder --out booth2
cmp -s booth/sheet.png booth2/sheet.png || complain "dreambooth: edit --from differs from edit"
expect 0 "" edit --from booth.edit "a red square" "${METHOD[@]}" --interpolation vp --beta 1 --out booth3
expect 2 "of method dreambooth: expected one of donotforget, noencoder, nodecoder" \
  edit --from booth.edit "a red square" "${METHOD[@]}" --forget decoderkv
IMAGIC=(--method imagic --samples 2 --embedding-samples 3)
expect 0 "" edit good.png "a red square" "${METHOD[@]}" "${IMAGIC[@]}" --out imagic --save imagic.edit
[ -f imagic/01-a-red-square_vs-1.2_donotforget_seed0.png ] || complain "imagic: its published strength"
grep -q '"unet_lr": 2e-06' imagic/edit.json || complain "imagic: its published rate"
grep -q '"samples": 2,' imagic/edit.json || complain "imagic: numbers that are given win"
expect 0 "" learn good.png --target "a red square" --model "$MODEL" "${IMAGIC[@]}" --save imagic2.edit
cmp -s imagic.edit/unet.safetensors imagic2.edit/unet.safetensors || complain "imagic: learn differs from edit"
expect 2 "unknown method 'lora': expected one of vanilla, dreambooth, imagic" "${EDIT[@]}" --method lora
expect 2 "--source: cannot be combined with method imagic" "${EDIT[@]}" --method imagic
expect 2 "trains for one TARGET" edit good.png "a" "b" --method imagic
expect 2 "--target: needs method imagic" learn good.png --source "a" --target "b" --save x
expect 2 "--embedding-samples: needs method imagic" "${EDIT[@]}" --embedding-samples 5

expect 0 "" learn other.png --source "a square" --save booth.edit --model "$MODEL" --samples 4 --batch 2 --overwrite
grep -q '"picture": "other.png"' booth.edit/learned.json || complain "--overwrite"

# A model with one changed weight counts as another base model.
copy_model other
printf '\x00\x00\x80\x3f' | dd of=other/$WEIGHTS bs=1 seek=$((8 + header_bytes + begin)) conv=notrunc status=none
expect 2 "belongs to another base model" edit --from learned.edit "a red square" --model other

echo "-- export, and models of other forms"
expect 0 "" export square.edit --to single-file --out square.safetensors --model "$MODEL"
expect 0 "" export square.edit --to diffusers --out square-model --forget noencoder --dtype fp16 --model "$MODEL"
expect 0 "" export square.edit --to lora --out square-lora.safetensors --rank 4 --model "$MODEL"
grep -q "of the whole change" stderr && grep -q "cannot be stored in a LoRA" stderr || complain "the LoRA's report"
[ -f square-lora.report.json ] && [ -f square-lora.embedding.safetensors ] && [ -f square.tokenizer/vocab.json ] ||
  complain "what goes along with an export"
expect 0 "" "${EDIT[@]}" --model square.safetensors --steps 1 --samples 2 --batch 2 --gamma 1 --out from-file
expect 0 "" "${EDIT[@]}" --model square-model --vae square.safetensors --steps 1 --samples 2 --batch 2 --gamma 1 \
  --out from-folder
mkdir -p hub/models--me--square/{snapshots,refs} && cp -r square-model hub/models--me--square/snapshots/0123
export HF_HUB_CACHE=$WORK/hub
expect 0 "" "${EDIT[@]}" --model me/square --steps 1 --samples 2 --batch 2 --gamma 1 --out from-hub
grep -q "model me/square on" stderr || complain "the name of a model in the hub's cache"
expect 1 "fetch it with: hf download me/other" "${EDIT[@]}" --model me/other
ln -sf gone hub/models--me--square/snapshots/0123/unet/diffusion_pytorch_model.safetensors
expect 1 "is unfinished: unet/diffusion_pytorch_model.safetensors" "${EDIT[@]}" --model me/square
inspected() {
  expect 0 "" inspect "$2"
  grep -qF "$1" stdout || complain "inspect $2: no '$1'"
}
inspected "a Stable Diffusion 1.x checkpoint" square.safetensors
inspected "found LoCon" square-lora.safetensors
inspected "a saved edit" square.edit
inspected "a diffusers folder" square-model
inspected "nothing is missing" square-model
inspected "(unfinished download)" me/square
grep -q "nothing is missing" stdout && complain "inspect: nothing is missing of an unfinished download"
expect 0 "" inspect square-model --json
grep -q '"fp16"' stdout || complain "inspect --json"
expect 1 "is unfinished: unet/diffusion_pytorch_model.safetensors" caption good.png --captioner me/square
expect 2 "already exists" export square.edit --to diffusers --out square-model --model "$MODEL"
expect 2 "diffusers, single-file or lora" export square.edit --to onnx --out out --model "$MODEL"
expect 2 "ends in .safetensors" export square.edit --to lora --out out --model "$MODEL"
expect 2 "--rank: is only for exports to lora" export square.edit --to diffusers --out out --rank 4 --model "$MODEL"
expect 2 "donotforget, encoderkv" export square.edit --to diffusers --out out --forget noencodr --model "$MODEL"
expect 2 "--config: is only for single-file models" "${EDIT[@]}" --model "$MODEL" --config "$MODEL"
expect 1 "found a LoRA" "${EDIT[@]}" --model square-lora.safetensors
expect 1 "--lora: square-lora.safetensors: lora_unet" "${EDIT[@]}" --model "$MODEL" --lora square-lora.safetensors
grep -q "expected a plain LoRA, found LoCon (a convolution of 3x3)" stderr || complain "a LoCon's message"
expect 1 "--lora: nowhere.safetensors: no such LoRA file" "${EDIT[@]}" --model "$MODEL" --lora nowhere.safetensors
expect 2 "--lora: expected FILE, or FILE:STRENGTH" "${EDIT[@]}" --model "$MODEL" --lora nowhere.safetensors:strong
expect 1 "expected a LoRA, found a UNet alone" "${EDIT[@]}" --model "$MODEL" --lora "$MODEL/$WEIGHTS"
safetensors '{"lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' 4 \
  >other-lora.safetensors
expect 1 "this model has no such layer: a LoRA for Stable Diffusion XL" "${EDIT[@]}" --model "$MODEL" \
  --lora other-lora.safetensors
LORA=(--model "$MODEL" --samples 4 --batch 2 --learn lora --lora-rank 2)
expect 0 "" learn good.png --source "a square" "${LORA[@]}" --save small.edit
[ -f small.edit/lora.safetensors ] && [ ! -f small.edit/unet.safetensors ] || complain "what is saved of a LoRA"
expect 0 "" edit --from small.edit "a red square" --model "$MODEL" --steps 1 --gamma 1 --out from-small
expect 0 "" export small.edit --to lora --out small.safetensors --model "$MODEL"
grep -q "kept 100.0 % of the squared weight change" stderr || complain "a LoRA is exported as it is"
inspected "a LoRA" small.safetensors
expect 0 "" "${EDIT[@]}" --model "$MODEL" --lora small.safetensors:0.5 --steps 1 --samples 2 --batch 2 --gamma 1 \
  --out with-lora --save on-lora.edit
grep -q 'tiny-sd + small.safetensors:0.5' with-lora/edit.json || complain "the LoRA in the record"
expect 2 "belongs to another base model (tiny-sd + small.safetensors:0.5" edit --from on-lora.edit "a" --model "$MODEL"
expect 0 "" edit --from on-lora.edit "a" --model "$MODEL" --lora small.safetensors:0.5 --steps 1 --gamma 1 --out again
expect 2 "--rank: the saved edit is a LoRA of rank 2" export small.edit --to lora --out x.safetensors --rank 4 \
  --model "$MODEL"
expect 2 "--lora-rank: needs learn lora" "${EDIT[@]}" --lora-rank 4
expect 2 "--learn: method dreambooth" "${EDIT[@]}" --method dreambooth --learn lora
expect 2 "--learn: unknown kind of training 'locon'" "${EDIT[@]}" --learn locon
expect 1 "no such VAE" "${EDIT[@]}" --model square.safetensors --vae nowhere
rm -r square.tokenizer
expect 1 "--tokenizer: " "${EDIT[@]}" --model square.safetensors
head -c 100000 square.safetensors >short.ckpt
expect 1 "truncated" "${EDIT[@]}" --model short.ckpt
echo "hello" >text.ckpt
expect 1 "neither a safetensors nor a PyTorch file" "${EDIT[@]}" --model text.ckpt
printf '\x80\x02cos\nsystem\nX\x05\x00\x00\x00touchtR.' >danger.ckpt
expect 1 "danger.ckpt: pickle" "${EDIT[@]}" --model danger.ckpt
expect 1 "danger.ckpt: pickle" inspect danger.ckpt
expect 1 "no such model folder or file" inspect nowhere
find . -name '.forgedit*' | grep -q . && complain "an export left something temporary"

truncate -s 2000 learned.edit/unet.safetensors
expect 1 "unet.safetensors: truncated" edit --from learned.edit "a red square" --model "$MODEL"

echo "-- threads"
THREADS=(edit --from square.edit "a red square" --model "$MODEL" --steps 1 --gamma 1)
expect 0 "" "${THREADS[@]}" --threads 1 --out threads1
grep -q "CPU, 1 thread," stderr || complain "--threads"
OMP_NUM_THREADS=1 expect 0 "" "${THREADS[@]}" --out threads2
grep -q "CPU, 1 thread," stderr || complain "OMP_NUM_THREADS"
expect 2 "--threads" "${THREADS[@]}" --threads 0

echo "-- stories"
cat >story.txt <<'STORY'
# five scenes
a red square
a blue square

{"target": "a green square", "gamma": [0.9], "forget": "noencoder", "seeds": [1]}
{"target": "a round square", "interpolation": "vp", "alpha": 0.8, "beta": 1.1, "steps": 1}
a square on a beach
STORY
STORY=(edit --from square.edit --model "$MODEL" --steps 2 --gamma 1 --draw-batch 1)
expect 0 "" "${STORY[@]}" --targets story.txt --out story
[ "$(ls story | wc -l)" -eq 9 ] || complain "story: expected 6 pictures, sheet.png, report.html and edit.json"
[ -f story/03-a-green-square_vs-0.9_noencoder_seed1.png ] || complain "story: a line's own settings"
[ -f story/04-a-round-square_vp-0.8-1.1_donotforget_seed0.png ] || complain "story: a line's own interpolation"
cp -r story first
touch -d 2000-01-01 story/*.png
drawn() { find story -name '[0-9r]*.png' -newermt 2001-01-01 | wc -l; }
expect 0 "" "${STORY[@]}" --targets story.txt --out story
[ "$(drawn)" -eq 0 ] || complain "story: finished images are generated again"
grep -q "6 of 6 images were finished before" stderr || complain "story: not said what was kept"
for file in first/*; do
  cmp -s "$file" "story/${file#*/}" || complain "story: $file differs after a second run"
done
# An interrupted run: two pictures are missing, and one file has a finished picture's name but other contents.
rm story/01-*.png story/04-*.png
cp story/02-*.png story/05-a-square-on-a-beach_vs-1.0_donotforget_seed0.png
touch -d 2000-01-01 story/*.png
expect 0 "" "${STORY[@]}" --targets story.txt --out story
[ "$(drawn)" -eq 3 ] || complain "story: expected 3 pictures drawn anew, got $(drawn)"
for file in first/*; do
  cmp -s "$file" "story/${file#*/}" || complain "story: $file differs after a restart"
done
# With a new first line, all pictures get the next number, and only one is generated.
touch -d 2000-01-01 story/*.png
{ echo "a yellow square" && cat story.txt; } >longer.txt
expect 0 "" "${STORY[@]}" --targets longer.txt --out story
[ "$(drawn)" -eq 1 ] || complain "story: a new line: expected 1 picture drawn, got $(drawn)"
[ "$(ls story | wc -l)" -eq 10 ] || complain "story: a new line: expected 10 files"
cmp -s story/02-*.png first/01-*.png || complain "story: a new line: the others move on"
# With IMAGE, finished pictures are found before the model would be fine-tuned again.
WHOLE=(edit good.png --targets story.txt --source "a square" --model "$MODEL" --samples 4 --batch 2 --steps 1
  --gamma 1 --out whole)
expect 0 "" "${WHOLE[@]}"
cp -r whole first_whole
expect 0 "" "${WHOLE[@]}"
grep -q "6 of 6 images were finished before" stderr || complain "story: not said what was kept beside an IMAGE"
grep -q "fine-tuning at" stderr && complain "story: learned again although all is finished"
for file in first_whole/*; do
  cmp -s "$file" "whole/${file#*/}" || complain "story: $file differs after a run that had nothing to do"
done
expect 0 "" "${WHOLE[@]}" --save whole.edit
grep -q "fine-tuning at" stderr || complain "story: --save was asked for and nothing was learned"
expect 0 "" "${WHOLE[@]}" --save whole.edit
grep -q "fine-tuning at" stderr && complain "story: learned again although all is finished and saved"
rm whole/02-*.png
expect 0 "" "${WHOLE[@]}"
for file in first_whole/*; do
  cmp -s "$file" "whole/${file#*/}" || complain "story: $file differs after a restart that learned again"
done
# With other settings, no earlier picture is reused, and the new record lists none of them.
expect 0 "" edit --from square.edit --model "$MODEL" --steps 1 --gamma 1.5 "a red square" --out story
grep -q "contains 7 images of an earlier run" stderr || complain "story: older pictures are not named"
cmp -s story/reconstruction.png first/reconstruction.png || complain "story: the reconstruction was overwritten"
[ "$(grep -c '"file"' story/edit.json)" -eq 2 ] || complain "story: the record mixes two runs"
# If pictures have no metadata, the record is enough.
expect 0 "" "${STORY[@]}" --targets story.txt --out bare --no-metadata
expect 0 "" "${STORY[@]}" --targets story.txt --out bare --no-metadata
grep -q "6 of 6 images were finished before" stderr || complain "story: --no-metadata starts anew"
expect 0 "" "${STORY[@]}" --targets story.txt --out bare --no-metadata --output-size source
grep -q "were finished before" stderr && complain "story: another size is another picture"
echo '{"target": "a", "gama": 1}' >wrong.txt
expect 1 "wrong.txt:1: gama: unknown key" "${STORY[@]}" --targets wrong.txt
expect 1 "nofile.txt: no such file" "${STORY[@]}" --targets nofile.txt
expect 1 "good.png:1: the target is not valid text" "${STORY[@]}" --targets good.png
expect 0 "" edit good.png --targets story.txt --source "a square" --preset story --repeat 1 --gamma 1 --steps 1 \
  --model "$MODEL" --samples 2 --batch 2 --out preset
grep -q '"grid_width": 192' preset/edit.json || complain "story: the preset learns at 1.5 times the model's side"
[ -f preset/01-a-red-square_vs-1.0_encoderkv_seed0.png ] || complain "story: the preset's strategy"

echo "-- full disk"
mkdir small
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=16k tmpfs small 2>/dev/null; then
  MOUNTED=$WORK/small
  "$FORGEDIT" edit --from square.edit "a red square" --model "$MODEL" --steps 1 --gamma 1 --out small/out \
    >stdout 2>stderr
  got=$?
  [ $got -eq 1 ] || complain "full disk: exit code $got"
  grep -q "small/out/.*cannot be written: No space left" stderr || complain "full disk: message"
  find small -name '.forgedit*' | grep -q . && complain "full disk: half-written file"
else
  echo "skipped: mounting a small file system needs root"
fi

end_of_test
