#pragma once

#include "tools/miniature/scene_set.h"
#include "tools/miniature/training_loop.h"

namespace forgedit::miniature {

/// Latents of training scenes, encoded once.
struct LatentSet {
  torch::Tensor latents;   ///< (count, 4, 32, 32) on the device, scaled
  torch::Tensor captions;  ///< (count) rows of the caption table, on the device
};

/// Encodes `count` scenes. Where `scaling_factor` is 0 it is set so that latents have unit variance.
LatentSet encode_scenes(AutoencoderKL& vae, const EmojiPack& pack, const CaptionTable& captions,
                        const c10::Device& device, std::int64_t count, double& scaling_factor,
                        std::uint64_t seed);

/// The two networks on one device.
struct DiffusionReplica {
  c10::Device device;
  UNet unet{nullptr};
  ClipTextModel text_encoder{nullptr};
};

/// Trains UNet and text encoder together to predict the noise, a tenth of captions empty, each sample's loss
/// weighted by min(SNR, 5) / SNR (arXiv 2303.09556), with `options.batch` samples a step on each replica,
/// which begin with the same weights. The first has the averaged ones afterwards.
void train_unet(std::vector<DiffusionReplica>& replicas, const LatentSet& data, const CaptionTable& captions,
                const TrainOptions& options, double checkpoint_seconds, const Checkpoint& checkpoint);

}  // namespace forgedit::miniature
