#pragma once

#include <vector>

#include "forgedit/models/unet.h"

// What the layers of a UNet make of time and text alone, for all of them at once: a few large matrix products
// instead of many small ones, and for an image only once for all its steps. For networks that the fused
// kernels compute (UNetImpl::is_fused).
namespace forgedit {

/// What all residual blocks add to their maps.
struct JoinedAddends {
  torch::Tensor rows;        ///< (batch, or 1 for all of it; out_channels of all blocks side by side)
  bool time_learns = false;  ///< whether a gradient is wanted of the time embeddings that they are made from
};

/// Of time embeddings (batch, features).
JoinedAddends join_addends(UNetImpl& unet, const torch::Tensor& time);

/// For each of timesteps (steps), which are one for the whole batch: (steps; batch, or 1 where nothing is
/// added to the time; all side by side).
torch::Tensor join_addends_of_steps(UNetImpl& unet, const torch::Tensor& timesteps,
                                    const AddedConditions& added);

/// Of texts (batch, tokens, width): keys and values of all cross-attentions, (batch, tokens, all side by
/// side).
torch::Tensor join_keys_and_values(UNetImpl& unet, const torch::Tensor& encoder_hidden_states);

/// What layers make of their weights alone, in the order of the network.
struct JoinedWeights {
  std::vector<torch::Tensor> projections;  ///< of each self-attention (stacked_weights)
  std::vector<torch::Tensor> biases;       ///< of each transformer (joined_bias)
  std::vector<torch::Tensor> upsamplers;   ///< of each (fused_weight)
};

/// Gives each layer its part of these while it lives: layers take what is precomputed instead of making it
/// themselves.
class PrecomputedScope {
 public:
  /// One row of addends serves the whole batch. Weights that are not there the layers join themselves.
  PrecomputedScope(UNetImpl& unet, const JoinedAddends& addends, const torch::Tensor& keys_and_values,
                   const JoinedWeights& weights = {});

 private:
  /// Members of layers, which are undefined again at the end: also where the constructor above throws.
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

/// All of it for one image. Its address does not change, so that steps over it may be recorded.
class UNetAhead {
 public:
  /// timesteps (steps) int64: each is one for the whole batch.
  UNetAhead(UNet unet, const torch::Tensor& timesteps);

  /// Makes all of it from texts (batch, tokens, width), `added` of the same batch where the UNet takes them,
  /// and the weights as they are now.
  void update(const torch::Tensor& encoder_hidden_states, const AddedConditions& added = {});
  /// The UNet's forward(latents, timesteps[step], texts, added); `step` (1) int64 on the device.
  torch::Tensor forward(const torch::Tensor& latents, const torch::Tensor& step);

 private:
  UNet unet_;
  torch::Tensor timesteps_, addends_, keys_and_values_;
  JoinedWeights weights_;
};

}  // namespace forgedit
