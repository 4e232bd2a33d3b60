#pragma once

#include "forgedit/models/blip.h"
#include "forgedit/models/clip.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit::miniature {

// The shape of the miniature: Stable Diffusion 1.x's architecture, 15 M parameters, 128x128 pictures.

/// 32x32x4 latents; 2.2 M parameters.
VaeConfig vae_config();
/// Four layers of 192; 2 M parameters.
ClipTextConfig text_config(std::int64_t vocab_size);
/// Attention at the two middle levels only; 10.9 M parameters.
UNetConfig unet_config();

/// CLIP's two towers, 5 and 2 layers of 96, over whole pictures; 1 M parameters.
ClipConfig clip_config(std::int64_t vocab_size);
/// BLIP with an image encoder of 5 layers and a decoder of 2, of 96 both; 1 M parameters. The vocabulary is
/// that of `write_word_vocabulary`.
BlipConfig blip_config(std::int64_t vocab_size);

/// Tokens of the miniature's own vocabulary.
inline constexpr std::size_t kVocabularySize = 1600;

/// Settings of one training run.
struct TrainOptions {
  double seconds =
      60;  ///< wall time; the learning rate follows the clock, so that a run ends well whenever it must
  std::int64_t batch = 512;
  double lr_first = 6e-4;  ///< after the warm-up
  double lr_last = 0;      ///< cosine from lr_first to here
  std::int64_t warmup_steps = 200;
  double weight_decay = 0.01;
  double ema_decay = 0.999;
  std::uint64_t seed = 0;
};

/// Parameters as PyTorch initialises them: Kaiming-uniform layers, unit norms, small embeddings; CLIP's
/// temperature as CLIP begins.
void initialise(torch::nn::Module& module, std::uint64_t seed);

}  // namespace forgedit::miniature
