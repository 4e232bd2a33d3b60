#pragma once

#include <vector>

#include "forgedit/models/unet.h"

// Values that the layers of a UNet compute from time and text alone. They are precomputed for all layers at
// once: by a few large matrix products instead of many small ones, and only once per image instead of once
// per step. This is only for networks that fused kernels compute (UNetImpl::is_fused).
namespace forgedit {

/// The addends of all residual blocks (ResnetBlock2DImpl::precomputed_addend).
struct JoinedAddends {
  torch::Tensor rows;        ///< (batch, or 1 for all samples; out_channels of all blocks side by side)
  bool time_learns = false;  ///< whether the time embeddings that they are computed from need a gradient
};

/// Computes the addends from time embeddings (batch, features).
JoinedAddends join_addends(UNetImpl& unet, const torch::Tensor& time);

/// Computes the addends for timesteps (steps), each of which is used for the whole batch -> (steps; batch, or
/// 1 without added conditions; out_channels of all blocks side by side).
torch::Tensor join_addends_of_steps(UNetImpl& unet, const torch::Tensor& timesteps,
                                    const AddedConditions& added);

/// Computes the keys and values of all cross-attentions from texts (batch, tokens, width). The result (batch,
/// tokens, ...) has them side by side in the last dimension.
torch::Tensor join_keys_and_values(UNetImpl& unet, const torch::Tensor& encoder_hidden_states);

/// Values that layers compute from their weights alone, in the order of the network.
struct JoinedWeights {
  std::vector<torch::Tensor> projections;  ///< stacked_weights of each self-attention
  std::vector<torch::Tensor> biases;       ///< joined_bias of each transformer
  std::vector<torch::Tensor> upsamplers;   ///< fused_weight of each upsampler
};

/// As long as this object exists, each layer uses its part of these values instead of computing it.
class PrecomputedScope {
 public:
  /// Addends with one row serve the whole batch. The layers compute those `weights` that are empty.
  PrecomputedScope(UNetImpl& unet, const JoinedAddends& addends, const torch::Tensor& keys_and_values,
                   const JoinedWeights& weights = {});

 private:
  /// The members of layers that are set. The destructor clears them, also if the constructor of
  /// PrecomputedScope throws.
  class Members {
   public:
    Members() = default;
    ~Members();
    Members(const Members&) = delete;
    Members& operator=(const Members&) = delete;
    void set(torch::Tensor& member, const torch::Tensor& value);

   private:
    std::vector<torch::Tensor*> set_;
  };
  Members members_;
};

/// All precomputed values of one image, at fixed addresses, so that steps can be recorded as CUDA graphs.
class UNetAhead {
 public:
  /// timesteps (steps) int64; each is used for the whole batch.
  UNetAhead(UNet unet, const torch::Tensor& timesteps);

  /// Computes all values from texts (batch, tokens, width), `added` of the same batch if the UNet takes it,
  /// and the present weights.
  void update(const torch::Tensor& encoder_hidden_states, const AddedConditions& added = {});
  /// Returns what the UNet returns for forward(latents, timesteps[step], texts, added). `step` (1) int64 is
  /// on the device. Without added conditions, the texts may have a multiple of the latents' rows, as in
  /// UNetImpl::forward.
  torch::Tensor forward(const torch::Tensor& latents, const torch::Tensor& step);

 private:
  UNet unet_;
  torch::Tensor timesteps_, addends_, keys_and_values_;
  JoinedWeights weights_;
};

}  // namespace forgedit
