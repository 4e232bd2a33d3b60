#pragma once

#include <string>
#include <vector>

#include "forgedit/core/json.h"
#include "forgedit/nn/embeddings.h"
#include "forgedit/nn/layers.h"

namespace forgedit {

class UNetMidBlockImpl;
struct UNetBlockInputs;

/// Conditions of a UNet with `addition_embed_type`, beside encoder_hidden_states; undefined for others.
struct AddedConditions {
  torch::Tensor text_embeds;  ///< (batch, pooled_width): the pooled text embedding
  /// (batch, 6), in pixels: the original's height and width, the crop's top and left, the target's height
  /// and width.
  torch::Tensor time_ids;

  /// Expands one row to a batch of `batch` rows.
  AddedConditions expand(std::int64_t batch) const {
    if (!text_embeds.defined()) return {};
    return {text_embeds.expand({batch, -1}), time_ids.expand({batch, -1})};
  }
};

/// Sizes of the UNet of Stable Diffusion 1.x, 2.x and XL. Defaults are those of CompVis/stable-diffusion-v1-4
/// (unet/config.json). Names are those of config.json.
struct UNetConfig {
  std::int64_t sample_size = 64;  ///< latents per side
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::vector<std::string> down_block_types{"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                            "CrossAttnDownBlock2D", "DownBlock2D"};
  std::vector<std::string> up_block_types{"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                                          "CrossAttnUpBlock2D"};
  std::vector<std::int64_t> block_out_channels{320, 640, 1280, 1280};
  std::int64_t layers_per_block = 2;
  std::int64_t cross_attention_dim = 768;
  /// Attention heads of each level. The checkpoints' key is `attention_head_dim`, although it counts heads.
  std::vector<std::int64_t> heads{8, 8, 8, 8};
  /// Transformer blocks in each attention of a level. The middle block has as many as the last level.
  std::vector<std::int64_t> transformer_layers_per_block{1, 1, 1, 1};
  bool use_linear_projection = false;        ///< proj_in and proj_out are linear layers, not 1x1 convolutions
  std::string addition_embed_type;           ///< "text_time": the UNet takes AddedConditions; or empty
  std::int64_t addition_time_embed_dim = 0;  ///< sinusoidal features of each of the time_ids
  std::int64_t projection_class_embeddings_input_dim = 0;  ///< pooled embedding and all these features
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool flip_sin_to_cos = true;
  std::int64_t freq_shift = 0;

  /// Throws Error naming file and key for values that none of these families uses.
  static UNetConfig from_json(const ConfigReader& json);
  nlohmann::json to_json() const;
  bool takes_added_conditions() const { return !addition_embed_type.empty(); }
  /// Width of the pooled embedding; 0 if the UNet takes none.
  std::int64_t pooled_width() const;
};

/// Values per row of AddedConditions::time_ids.
inline constexpr std::int64_t kTimeIds = 6;

/// UNet2DConditionModel of diffusers, limited to the features of these families. Module names are the keys
/// of the checkpoints.
class UNetImpl : public torch::nn::Module {
 public:
  explicit UNetImpl(const UNetConfig& config);

  /// Returns the predicted noise or velocity, in the shape of `latents` and the type of the weights; inputs
  /// are converted to that type. latents (batch, in_channels, height, width), timesteps (batch) int64,
  /// encoder_hidden_states (batch, tokens, cross_attention_dim); `added` if the config asks for it. With
  /// `checkpointing`, the backward pass computes the blocks again instead of keeping their activations
  /// (nn/checkpoint.h). Throws Error if `added` does not match the config.
  ///
  /// Without added conditions and checkpointing, timesteps and encoder_hidden_states may have k times the
  /// rows of `latents`, with the same timesteps in each of the k parts. The result then has their rows, as if
  /// the latents had been repeated, but the layers before the first cross-attention run once.
  torch::Tensor forward(const torch::Tensor& latents, const torch::Tensor& timesteps,
                        const torch::Tensor& encoder_hidden_states, const AddedConditions& added = {},
                        bool checkpointing = false);
  /// Whether fused kernels can compute the whole network. They need bfloat16 weights on a GPU, and channels
  /// in whole vectors (kernels::kVector).
  bool is_fused() const;
  /// timesteps (batch) -> time embedding for the residual blocks (batch, 4·block_out_channels[0]).
  torch::Tensor embed_time(const torch::Tensor& timesteps);
  /// Returns the term that `added` contributes to the time embedding, in its shape; undefined if the config
  /// asks for none.
  torch::Tensor embed_added(const AddedConditions& added);
  /// Computes the output of forward for a given time embedding. Under a PrecomputedScope the embedding may be
  /// undefined, and the text if no adapter is attached.
  torch::Tensor forward_embedded(const torch::Tensor& latents, const UNetBlockInputs& inputs);
  const UNetConfig& config() const { return config_; }

 private:
  UNetConfig config_;
  nn::Conv2d conv_in;
  nn::TimestepEmbedding time_embedding;
  nn::TimestepEmbedding add_embedding{nullptr};
  torch::nn::ModuleList down_blocks;
  std::shared_ptr<UNetMidBlockImpl> mid_block;
  torch::nn::ModuleList up_blocks;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};
TORCH_MODULE(UNet);

}  // namespace forgedit
