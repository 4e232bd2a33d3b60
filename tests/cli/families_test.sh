#!/usr/bin/env bash
# Runs Stable Diffusion 2.x and XL as users do: edits, saved edits, exports, LoRA files, --clip-skip, damaged files.
# usage: families_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

GOLDEN=$SOURCE_DIR/tests/golden
XL=$GOLDEN/tiny-sdxl SD2=$GOLDEN/tiny-sd2
QUICK=(--samples 4 --batch 2 --steps 1 --gamma 1)
EDIT=(edit good.png "a red square" --source "a square")
good_picture good.png

# refused CODE MESSAGE_PART ARGUMENT...: like expect, but one line of error and no files in out.
refused() {
  local code=$1 part=$2
  shift 2
  expect "$code" "$part" "$@"
  [ "$(grep -c '^forgedit: ' stderr)" -eq 1 ] || complain "forgedit $*: not one line of error"
  [ -e out ] && complain "forgedit $*: left an output folder behind"
  rm -rf out
}

same() {  # WHAT FILE FILE
  cmp -s "$2" "$3" || complain "$1: $2 and $3 differ"
}

fingerprint_in() { grep -o '"fingerprint": "[^"]*"' "$1/edit.json"; }

inspected() {
  expect 0 "" inspect "$2"
  grep -qF "$1" stdout || complain "inspect $2: no '$1'"
}

# safetensors FILE HEADER DATA_BYTES: writes a file with this header and zeros as data.
safetensors() {
  local i size=${#2}
  for ((i = 0; i < 8; i++, size >>= 8)); do printf "\\x$(printf %02x $((size & 255)))"; done >"$1"
  { printf %s "$2" && head -c "$3" /dev/zero; } >>"$1"
}

for family in tiny-sd2 tiny-sdxl; do
  echo "-- $family"
  BASE=$GOLDEN/$family
  expect 0 "" "${EDIT[@]:0:3}" "a blue square" --source "a square" --model "$BASE" --samples 4 --batch 2 --steps 1 \
    --interpolation vp --beta 1 --forget orig,noencoder --out "$family" --save "$family.edit"
  [ "$(ls "$family"/0*.png | wc -l)" -eq 4 ] || complain "$family: expected two targets and two strategies"
  printf 'a red square\n{"target": "a blue square", "gamma": 0.9, "forget": "encoderattn"}\n' >story.txt
  expect 0 "" edit --from "$family.edit" --targets story.txt --model "$BASE" --steps 1 --gamma 1 --out "$family-story"
  [ -f "$family-story/02-a-blue-square_vs-0.9_encoderattn_seed0.png" ] || complain "$family: a story"
  expect 0 "" edit --from "$family.edit" "a red square" "a blue square" --model "$BASE" --steps 1 --interpolation vp \
    --beta 1 --forget orig,noencoder --out "$family-again"
  for file in "$family"/*.png; do same "--from" "$file" "$family-again/${file#*/}"; done
  inspected "a saved edit" "$family.edit"

  # At γ 1 the embedding is that of the target, so the exported model generates the same picture as the strategy.
  FROM=(--steps 1 --gamma 1 --draw-batch 1 --no-metadata)
  expect 0 "" edit --from "$family.edit" "a red square" --model "$BASE" --forget noencoder "${FROM[@]}" --out strategy
  expect 0 "" export "$family.edit" --to diffusers --out "$family-model" --forget noencoder --model "$BASE"
  expect 0 "" export "$family.edit" --to single-file --out "$family.safetensors" --forget noencoder --model "$BASE"
  for model in "$family-model" "$family.safetensors"; do
    expect 0 "" "${EDIT[@]}" --model "$model" --samples 2 --batch 2 --unlearned "${FROM[@]}" --out "by-$model"
    same "an export draws what was exported" strategy/01-*.png "by-$model"/*unlearned*.png
  done
  [ "$(fingerprint_in "by-$family-model")" = "$(fingerprint_in "by-$family.safetensors")" ] ||
    complain "$family: folder and file are not the same weights"
  inspected "a diffusers folder" "$family-model"
  inspected "Stable Diffusion" "$family.safetensors"
  expect 0 "convolutions larger than 1x1, so it is a LoCon" export "$family.edit" --to lora --out "$family-full.safetensors" \
    --rank 4 --model "$BASE"
  refused 1 "$family-full.safetensors: lora_unet_" "${EDIT[@]}" --model "$BASE" --lora "$family-full.safetensors"
  grep -q "found LoCon" stderr || complain "$family: a LoCon's message"

  expect 0 "" learn good.png --source "a square" --samples 4 --batch 2 --learn lora --lora-rank 2 --model "$BASE" \
    --save "$family-lora.edit"
  expect 0 "" export "$family-lora.edit" --to lora --out "$family-lora.safetensors" --model "$BASE"
  grep -q "LoCon" stderr && complain "$family: what was learned as a LoRA is a plain one"
  inspected "a LoRA" "$family-lora.safetensors"
  expect 0 "" "${EDIT[@]}" --model "$BASE" --lora "$family-lora.safetensors:0.5" --vae "$family.safetensors" \
    "${QUICK[@]}" --out "$family-with-lora"
  grep -q "\"$family + $family-lora.safetensors:0.5\"" "$family-with-lora/edit.json" || complain "$family: --lora"
  rm -r strategy
done

echo "-- --clip-skip"
for family in tiny-sd tiny-sdxl; do
  usual=$([ $family = tiny-sdxl ] && echo 2 || echo 1)
  expect 0 "" "${EDIT[@]}" --model "$GOLDEN/$family" "${QUICK[@]}" --out skip-none
  expect 0 "" "${EDIT[@]}" --model "$GOLDEN/$family" "${QUICK[@]}" --clip-skip "$usual" --out skip-usual
  for file in skip-none/*; do same "$family: the usual layer is no setting" "$file" "skip-usual/${file#*/}"; done
  expect 0 "" "${EDIT[@]}" --model "$GOLDEN/$family" "${QUICK[@]}" --clip-skip 3 --out skip-3 --save skip.edit
  cmp -s skip-none/01-*.png skip-3/01-*.png && complain "$family: --clip-skip changes nothing"
  grep -q "\"$family + clip skip 3\"" skip-3/edit.json || complain "$family: the record"
  grep -q "\"$family + clip skip 3\"" skip.edit/learned.json || complain "$family: the saved record"
  FROM=(edit --from skip.edit "a red square" --model "$GOLDEN/$family" --steps 1 --gamma 1)
  expect 0 "" "${FROM[@]}" --clip-skip 3 --out skip-again
  same "$family: --from" skip-3/01-*.png skip-again/01-*.png
  refused 2 "--clip-skip: saved edit skip.edit was learned on $family + clip skip 3" "${FROM[@]}"
  refused 2 "--clip-skip: expected 1 to 3, the layers of the text encoder, got 4" "${EDIT[@]}" \
    --model "$GOLDEN/$family" --clip-skip 4
  rm -r skip-* skip.edit
done
refused 2 "--clip-skip" "${EDIT[@]}" --model "$XL" --clip-skip 0
expect 0 "" learn good.png --source "a square" --model "$SD2" --method dreambooth --samples 2 --batch 2 --clip-skip 2 \
  --save booth.edit
grep -qF "next: forgedit edit --from booth.edit TARGET --model $SD2 --clip-skip 2" stderr || complain "learn: the next step"
expect 0 "" edit --from booth.edit "a red square" --model "$SD2" --clip-skip 2 --steps 1 --gamma 1 --out booth
refused 2 "--clip-skip: saved edit booth.edit" export booth.edit --to diffusers --out x --model "$SD2"

echo "-- dreambooth on two text encoders"
for model in "$XL" tiny-sdxl.safetensors; do
  # Checked before the captioner is searched, and before `save` replaces anything.
  for more in "--dry-run" "--source=a"; do
    refused 2 "--method: dreambooth trains the text encoder, but this model has two" edit good.png "a red square" \
      --method dreambooth --model "$model" "$more"
  done
  refused 2 "--method: dreambooth" learn good.png --method dreambooth --model "$model" --save x.edit
done

echo "-- bad files"
bad() { refused 1 "$1" "${EDIT[@]}" --model bad "${@:2}"; }
fresh() { rm -rf bad && cp -r "$XL" bad && chmod -R u+w bad; }
fresh && rm -r bad/text_encoder_2
bad "bad/text_encoder_2: no such folder"
fresh && rm -r bad/text_encoder && cp -r "$SD2/text_encoder" bad
bad "bad/unet: UNet: cross_attention_dim: expected 72 as the text encoders give, found 64"
fresh && rm -r bad/text_encoder_2 && cp -r "$XL/text_encoder" bad/text_encoder_2
bad "bad/unet: UNet: cross_attention_dim: expected 48 as the text encoders give, found 64"
fresh && sed -i 's/"projection_dim": 20/"projection_dim": 21/' bad/text_encoder_2/config.json
bad "bad/text_encoder_2"
rm -r bad
head -c 300000 tiny-sdxl.safetensors >short.safetensors
refused 1 "short.safetensors: truncated" "${EDIT[@]}" --model short.safetensors
tensor() { printf '"%s":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}' "$1" "$2" $(($2 + 4)); }
UNET=model.diffusion_model
safetensors refiner.safetensors "{$(tensor $UNET.input_blocks.0.0.weight 0),$(tensor $UNET.label_emb.0.0.weight 4),\
$(tensor conditioner.embedders.0.model.ln_final.weight 8)}" 12
refused 1 "refiner.safetensors: expected a Stable Diffusion 1.x, 2.x or XL checkpoint, found a Stable Diffusion XL refiner" \
  "${EDIT[@]}" --model refiner.safetensors
safetensors alone.safetensors "{$(tensor $UNET.input_blocks.0.0.weight 0),$(tensor $UNET.label_emb.0.0.weight 4),\
$(tensor conditioner.embedders.0.transformer.text_model.final_layer_norm.bias 8)}" 12
refused 1 "alone.safetensors: contains no second text encoder: expected tensors conditioner.embedders.1.model." \
  "${EDIT[@]}" --model alone.safetensors
lora() { refused 1 "--lora: $1" "${EDIT[@]}" --model "$XL" --lora "${2:-odd.safetensors}"; }
lora "tiny-sd2-lora.safetensors: lora_unet_" tiny-sd2-lora.safetensors
grep -q "this model has no such layer" stderr || complain "the LoRA of another family"
safetensors odd.safetensors "{$(tensor lora_unet_input_blocks_99_1_proj_in.alpha 0)}" 4
lora "odd.safetensors: lora_unet_input_blocks_99_1_proj_in.alpha: this model has no such layer"
safetensors odd.safetensors "{$(tensor lora_unet_input_blocks_4_1_proj_in.lora_sideways.weight 0)}" 4
lora "odd.safetensors: lora_unet_input_blocks_4_1_proj_in.lora_sideways.weight: "
lora "gone.safetensors: no such LoRA file" gone.safetensors

end_of_test
