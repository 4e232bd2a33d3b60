#pragma once

#include "tools/miniature/recipe.h"
#include "tools/miniature/scene_set.h"

namespace forgedit::miniature {

/// Trains the VAE on training scenes; its weights are the averaged ones afterwards.
void train_vae(AutoencoderKL& vae, const EmojiPack& pack, const c10::Device& device,
               const TrainOptions& options);

/// Mean PSNR in dB of decode(mean of encode(x)) against x on `count` held-back scenes, as 8-bit pictures.
double vae_psnr(AutoencoderKL& vae, const EmojiPack& pack, const c10::Device& device, std::int64_t count);

}  // namespace forgedit::miniature
