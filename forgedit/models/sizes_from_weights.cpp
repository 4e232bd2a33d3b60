#include "forgedit/models/sizes_from_weights.h"

#include <algorithm>
#include <iterator>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::int64_t kMaxModules = 64;
/// Channels per attention head in text encoders, and in UNets with linear projections.
constexpr std::int64_t kHeadWidth = 64;
/// For XL: the number of sinusoidal features of each time id, and the latents per side that XL is made for.
constexpr std::int64_t kXlTimeWidth = 256, kXlSide = 128;

/// Published text encoders, recognised by their width.
struct PublishedText {
  std::int64_t width;
  const char* hidden_act;
};
constexpr PublishedText kPublishedTexts[] = {
    {768, "quick_gelu"},  // CLIP ViT-L
    {1024, "gelu"},       // OpenCLIP ViT-H
    {1280, "gelu"},       // OpenCLIP ViT-bigG
};

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
  std::int64_t dimensions(const std::string& name) const {
    size(name, 0);
    return state_.at(name).dim();
  }
  /// How many of the names `before` N `after`, N = 0, 1, 2 …, exist without a gap.
  std::int64_t count(const std::string& before, const std::string& after) const {
    std::int64_t number = 0;
    while (number < kMaxModules && has(before + std::to_string(number) + after)) ++number;
    return number;
  }
  /// Widths of all levels of `blocks`, for example "down_blocks.".
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
    if (found != published) reject_width(what, found, std::to_string(published));
  }
  [[noreturn]] void reject_width(const char* what, std::int64_t found, const std::string& published) const {
    throw UnpublishedSizes(origin_ + ": a " + what + " of width " + std::to_string(found) +
                           ", published ones have " + published +
                           ": a diffusers folder with its settings is needed");
  }

 private:
  const StateDict& state_;
  const std::string origin_;
};

/// Reads heads and depths of attention, and the types of blocks.
void take_attention(const Shapes& shapes, UNetConfig& c) {
  const auto levels = c.block_out_channels.size();
  c.use_linear_projection = shapes.dimensions("mid_block.attentions.0.proj_in.weight") == 2;
  const auto published_heads = c.heads.front();
  const auto depth = [&](const std::string& block) {
    return std::max<std::int64_t>(1,
                                  shapes.count(block + ".attentions.0.transformer_blocks.", ".norm1.weight"));
  };
  c.heads.clear();
  c.transformer_layers_per_block.clear();
  c.down_block_types.clear();
  c.up_block_types.clear();
  for (std::size_t level = 0; level < levels; ++level) {
    const auto down = "down_blocks." + std::to_string(level), up = "up_blocks." + std::to_string(level);
    const bool in_down = shapes.has(down + ".attentions.0.norm.weight"),
               in_up = shapes.has(up + ".attentions.0.norm.weight");
    c.down_block_types.emplace_back(in_down ? "CrossAttnDownBlock2D" : "DownBlock2D");
    c.up_block_types.emplace_back(in_up ? "CrossAttnUpBlock2D" : "UpBlock2D");
    c.heads.push_back(c.use_linear_projection ? c.block_out_channels[level] / kHeadWidth : published_heads);
    c.transformer_layers_per_block.push_back(depth(level + 1 == levels ? "mid_block" : down));
  }
}

void take_added_conditions(const Shapes& shapes, UNetConfig& c, const std::string& origin) {
  const std::string name = "add_embedding.linear_1.weight";
  if (!shapes.has(name)) return;
  c.addition_embed_type = "text_time";
  c.addition_time_embed_dim = kXlTimeWidth;
  c.projection_class_embeddings_input_dim = shapes.size(name, 1);
  c.sample_size = kXlSide;
  if (c.pooled_width() <= 0) {
    throw failure(origin + ": UNet: " + name + ": expected more than " +
                  std::to_string(kTimeIds * kXlTimeWidth) + " features, found " +
                  std::to_string(c.projection_class_embeddings_input_dim));
  }
}

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
  take_attention(shapes, c);
  take_added_conditions(shapes, c, origin);
  for (std::size_t level = 0; level < c.heads.size(); ++level) {
    const auto width = c.block_out_channels[level], heads = c.heads[level];
    if (width <= 0 || width % c.norm_num_groups != 0 || heads <= 0 || width % heads != 0) {
      throw failure(origin + ": UNet: expected levels whose width is a multiple of " +
                    std::to_string(c.norm_num_groups) + " and of their heads, found width " +
                    std::to_string(width) + " with " + std::to_string(heads) + " heads");
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
      throw failure(origin + ": VAE: expected levels whose width is a multiple of " +
                    std::to_string(c.norm_num_groups) + ", found " + std::to_string(width));
    }
  }
  return c;
}

ClipTextConfig clip_text_config_from_weights(const StateDict& state, const std::string& origin) {
  const Shapes shapes(state, origin + ": text encoder");
  ClipTextConfig c;
  c.vocab_size = shapes.size("embeddings.token_embedding.weight", 0);
  c.hidden_size = shapes.size("embeddings.token_embedding.weight", 1);
  const auto published = std::find_if(std::begin(kPublishedTexts), std::end(kPublishedTexts),
                                      [&](const auto& row) { return row.width == c.hidden_size; });
  if (published == std::end(kPublishedTexts)) {
    shapes.reject_width("text encoder", c.hidden_size, "768, 1024 or 1280");
  }
  c.hidden_act = published->hidden_act;
  c.num_attention_heads = c.hidden_size / kHeadWidth;
  if (shapes.has("text_projection.weight")) c.projection_dim = shapes.size("text_projection.weight", 0);
  c.max_position_embeddings = shapes.size("embeddings.position_embedding.weight", 0);
  c.intermediate_size = shapes.size("encoder.layers.0.mlp.fc1.weight", 0);
  c.num_hidden_layers = shapes.count("encoder.layers.", ".layer_norm1.weight");
  return c;
}

}  // namespace forgedit
