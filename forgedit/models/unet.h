#pragma once

#include <string>
#include <vector>

#include "forgedit/core/json.h"
#include "forgedit/nn/embeddings.h"
#include "forgedit/nn/layers.h"

namespace forgedit {

class UNetMidBlockImpl;
struct UNetBlockInputs;

/// Sizes of Stable Diffusion 1.x's UNet; defaults are those of CompVis/stable-diffusion-v1-4
/// (unet/config.json).
struct UNetConfig {
  std::int64_t sample_size = 64;  ///< latents a side
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::vector<std::string> down_block_types{"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                            "CrossAttnDownBlock2D", "DownBlock2D"};
  std::vector<std::string> up_block_types{"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                                          "CrossAttnUpBlock2D"};
  std::vector<std::int64_t> block_out_channels{320, 640, 1280, 1280};
  std::int64_t layers_per_block = 2;
  std::int64_t cross_attention_dim = 768;
  /// Attention heads of each level. The checkpoints' key is `attention_head_dim`, which in SD 1.x counts
  /// heads.
  std::vector<std::int64_t> heads{8, 8, 8, 8};
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool flip_sin_to_cos = true;
  std::int64_t freq_shift = 0;

  /// Throws Error naming file and key for values that SD 1.x does not have (SD 2.x, SDXL, other variants).
  static UNetConfig from_json(const ConfigReader& json);
  nlohmann::json to_json() const;
};

/// UNet2DConditionModel of diffusers, restricted to what SD 1.x uses; module names are the checkpoints' keys.
class UNetImpl : public torch::nn::Module {
 public:
  explicit UNetImpl(const UNetConfig& config);

  /// Predicted noise, shape of `latents`, in the type of the weights; inputs are converted to it.
  /// latents (batch, in_channels, height, width), timesteps (batch) int64,
  /// encoder_hidden_states (batch, tokens, cross_attention_dim). With `checkpointing` a backward pass
  /// computes the blocks again instead of keeping what is between them (nn/checkpoint.h).
  torch::Tensor forward(const torch::Tensor& latents, const torch::Tensor& timesteps,
                        const torch::Tensor& encoder_hidden_states, bool checkpointing = false);
  /// Whether all of it is computed by fused kernels: bfloat16 on a GPU, channels in whole vectors.
  bool is_fused() const;
  /// timesteps (batch) -> what the residual blocks get of them (batch, 4·block_out_channels[0]).
  torch::Tensor embed_time(const torch::Tensor& timesteps);
  /// forward over an embedding of time; it and the text may be undefined where all that layers make of them
  /// is precomputed (PrecomputedScope).
  torch::Tensor forward_embedded(const torch::Tensor& latents, const UNetBlockInputs& inputs);
  const UNetConfig& config() const { return config_; }

 private:
  UNetConfig config_;
  nn::Conv2d conv_in;
  nn::TimestepEmbedding time_embedding;
  torch::nn::ModuleList down_blocks;
  std::shared_ptr<UNetMidBlockImpl> mid_block;
  torch::nn::ModuleList up_blocks;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};
TORCH_MODULE(UNet);

}  // namespace forgedit
