#!/usr/bin/env bash
# The runs that trained assets/miniature/model, in order: a recipe for one or two NVIDIA H200, not a test. Seconds are
# wall time, so another GPU trains on another number of samples. Subjects are sampled by the weights in the pack: n^-0.5
# for each of n variants of a family (vocabulary.h). Every run's learning rate rises during its warm-up and falls to
# zero by a cosine. Its weights are an exponential average (--unet-ema), from which later runs start in half precision
# with fresh optimiser state.
# usage: tools/miniature/recipe.sh FOLDER  (needs .pack/emoji.pack: tools/miniature/README.md)
set -euo pipefail
folder=${1:?usage: tools/miniature/recipe.sh FOLDER}
BIN=${BIN:-build/release/bin}
train() { "$BIN/forgedit_miniature_train" "$@"; }

# 1. VAE; UNet and text encoder: 0.80 M samples. This run was interrupted; later runs use its checkpoint after 200 s.
train --out "$folder/1" --scenes 150000 --vae-seconds 160 --unet-seconds 850 --checkpoint-seconds 100
# 2. 0.41 M samples: version 1.
train --from "$folder/1" --out "$folder/2" --scenes 40000 --vae-seconds 0 --unet-seconds 112 --unet-batch 256 --unet-lr 5e-4 \
  --unet-warmup 100 --unet-ema 0.998 --seed 1
# 3. 1.98 M samples: the next run uses its checkpoint after 240 s.
train --from "$folder/2" --out "$folder/3" --scenes 200000 --vae-seconds 0 --unet-seconds 370 --unet-lr 7e-4 \
  --unet-warmup 300 --unet-ema 0.9993 --seed 2 --checkpoint-seconds 240
# 4. 6.24 M samples, on two GPUs with 512 samples per step each.
train --from "$folder/3" --out "$folder/4" --scenes 80000 --vae-seconds 0 --unet-seconds 375 --unet-lr 9e-4 \
  --unet-warmup 200 --unet-ema 0.9995 --seed 3 --checkpoint-seconds 200 --devices cuda:0,cuda:1
# 5. 0.71 M samples: version 2.
train --from "$folder/4" --out "$folder/5" --scenes 60000 --vae-seconds 0 --unet-seconds 85 --unet-lr 2.5e-4 \
  --unet-warmup 100 --unet-ema 0.999 --seed 4 --checkpoint-seconds 0
# Captioner and CLIP model, trained from scratch.
"$BIN/forgedit_miniature_train_readers" --out "$folder/5" --scenes 200000 --clip-seconds 150 --captioner-seconds 170
