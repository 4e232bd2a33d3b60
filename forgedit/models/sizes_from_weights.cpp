#include "forgedit/models/sizes_from_weights.h"

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::int64_t kMaxModules = 64;

/// Sizes of one network's tensors, by name.
class Shapes {
 public:
  Shapes(const StateDict& state, std::string origin) : state_(state), origin_(std::move(origin)) {}

  bool has(const std::string& name) const { return state_.count(name) > 0; }
  std::int64_t size(const std::string& name, std::int64_t dimension) const {
    const auto found = state_.find(name);
    if (found == state_.end()) throw failure(origin_ + ": " + name + ": missing");
    if (found->second.dim() <= dimension) {
      throw failure(origin_ + ": " + name + ": unexpected shape " + shape_text(found->second.sizes()));
    }
    return found->second.size(dimension);
  }
  /// How many of `before` 0, 1, 2 … `after` there are.
  std::int64_t count(const std::string& before, const std::string& after) const {
    std::int64_t number = 0;
    while (number < kMaxModules && has(before + std::to_string(number) + after)) ++number;
    return number;
  }
  /// Widths of the levels under `blocks`, such as "down_blocks.".
  std::vector<std::int64_t> widths(const std::string& blocks) const {
    std::vector<std::int64_t> result;
    const std::string first_weight = ".resnets.0.conv1.weight";
    const auto levels = count(blocks, first_weight);
    for (std::int64_t level = 0; level < levels; ++level) {
      result.push_back(size(blocks + std::to_string(level) + first_weight, 0));
    }
    if (result.size() < 2) throw failure(origin_ + ": " + blocks + "1: missing: fewer than two levels");
    return result;
  }
  void require_published(const char* what, std::int64_t found, std::int64_t published) const {
    if (found == published) return;
    throw UnpublishedSizes(origin_ + ": a " + what + " of width " + std::to_string(found) +
                           ", published ones have " + std::to_string(published) +
                           ": a diffusers folder with its settings is needed");
  }

 private:
  const StateDict& state_;
  const std::string origin_;
};

}  // namespace

UNetConfig unet_config_from_weights(const StateDict& state, const std::string& origin) {
  const Shapes shapes(state, origin + ": UNet");
  UNetConfig c;
  const auto published = c.block_out_channels.front();
  c.in_channels = shapes.size("conv_in.weight", 1);
  c.out_channels = shapes.size("conv_out.weight", 0);
  c.block_out_channels = shapes.widths("down_blocks.");
  shapes.require_published("UNet", c.block_out_channels.front(), published);
  c.layers_per_block = shapes.count("down_blocks.0.resnets.", ".conv1.weight");
  c.cross_attention_dim = shapes.size("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", 1);
  const auto levels = c.block_out_channels.size();
  c.heads.assign(levels, c.heads.front());
  c.transformer_layers_per_block.assign(levels, 1);
  c.down_block_types.clear();
  c.up_block_types.clear();
  for (std::size_t level = 0; level < levels; ++level) {
    const auto attention = std::to_string(level) + ".attentions.0.norm.weight";
    c.down_block_types.emplace_back(shapes.has("down_blocks." + attention) ? "CrossAttnDownBlock2D"
                                                                           : "DownBlock2D");
    c.up_block_types.emplace_back(shapes.has("up_blocks." + attention) ? "CrossAttnUpBlock2D" : "UpBlock2D");
  }
  for (const auto width : c.block_out_channels) {
    if (width <= 0 || width % c.norm_num_groups != 0 || width % c.heads.front() != 0) {
      throw failure(origin + ": UNet: a level of width " + std::to_string(width));
    }
  }
  return c;
}

VaeConfig vae_config_from_weights(const StateDict& state, const std::string& origin) {
  const Shapes shapes(state, origin + ": VAE");
  VaeConfig c;
  const auto published = c.block_out_channels.front();
  c.in_channels = shapes.size("encoder.conv_in.weight", 1);
  c.out_channels = shapes.size("decoder.conv_out.weight", 0);
  c.latent_channels = shapes.size("decoder.conv_in.weight", 1);
  c.block_out_channels = shapes.widths("encoder.down_blocks.");
  shapes.require_published("VAE", c.block_out_channels.front(), published);
  c.layers_per_block = shapes.count("encoder.down_blocks.0.resnets.", ".conv1.weight");
  for (const auto width : c.block_out_channels) {
    if (width <= 0 || width % c.norm_num_groups != 0) {
      throw failure(origin + ": VAE: a level of width " + std::to_string(width));
    }
  }
  return c;
}

ClipTextConfig clip_text_config_from_weights(const StateDict& state, const std::string& origin) {
  const Shapes shapes(state, origin + ": text encoder");
  ClipTextConfig c;
  const auto published = c.hidden_size;
  c.vocab_size = shapes.size("embeddings.token_embedding.weight", 0);
  c.hidden_size = shapes.size("embeddings.token_embedding.weight", 1);
  shapes.require_published("text encoder", c.hidden_size, published);
  c.max_position_embeddings = shapes.size("embeddings.position_embedding.weight", 0);
  c.intermediate_size = shapes.size("encoder.layers.0.mlp.fc1.weight", 0);
  c.num_hidden_layers = shapes.count("encoder.layers.", ".layer_norm1.weight");
  return c;
}

}  // namespace forgedit
