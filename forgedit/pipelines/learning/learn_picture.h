#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"
#include "forgedit/pipelines/learning/learn.h"

namespace forgedit {

/// A picture in latent space, and the generator that fine-tuning continues with: one seed determines the
/// posterior sample, then noise and timesteps.
struct EncodedPicture {
  torch::Tensor latents;  ///< (1, 4, h, w), scaled
  torch::Generator generator;
};

/// Encodes a picture in the model's grid (frame.h).
EncodedPicture encode_picture(StableDiffusion& model, const Image& grid, std::uint64_t seed);

/// Fine-tunes on the picture with options.method. `text` is the source prompt; for imagic the target prompt.
LearnResult learn_picture(StableDiffusion& model, const EncodedPicture& picture, const std::string& text,
                          const LearnOptions& options, const ProgressCallback& progress = {});

}  // namespace forgedit
