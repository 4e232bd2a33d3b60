#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/models/config_limits.h"
#include "forgedit/models/unet.h"

namespace forgedit {
namespace {

/// Settings of other model families; any other value than SD 1.x's would be computed wrongly, so it is
/// refused.
void refuse_other_families(const ConfigReader& json) {
  if (json.boolean("use_linear_projection", false)) {
    json.reject("use_linear_projection", "true belongs to Stable Diffusion 2.x; expected a 1.x model");
  }
  for (const char* key :
       {"addition_embed_type", "class_embed_type", "encoder_hid_dim", "time_cond_proj_dim"}) {
    if (json.has(key)) json.reject(key, "belongs to another model family (SDXL, …); expected a 1.x model");
  }
  for (const char* key : {"dual_cross_attention", "class_embeddings_concat", "center_input_sample"}) {
    if (json.boolean(key, false)) json.reject(key, "expected false, as in Stable Diffusion 1.x");
  }
  const std::pair<const char*, const char*> expected[] = {{"act_fn", "silu"},
                                                          {"mid_block_type", "UNetMidBlock2DCrossAttn"},
                                                          {"time_embedding_type", "positional"},
                                                          {"resnet_time_scale_shift", "default"}};
  for (const auto& [key, value] : expected) {
    const auto found = json.text(key, value);
    if (found != value) json.reject(key, "expected " + std::string(value) + ", found " + found);
  }
  if (!json.is_list("transformer_layers_per_block")) {
    json.integer("transformer_layers_per_block", 1, 1, 1);
  } else {
    json.reject("transformer_layers_per_block", "a list belongs to SDXL; expected a 1.x model");
  }
}

}  // namespace

UNetConfig UNetConfig::from_json(const ConfigReader& json) {
  refuse_other_families(json);
  UNetConfig c;
  c.sample_size = json.integer("sample_size", c.sample_size, 1, limits::kLatentSide);
  c.in_channels = json.integer("in_channels", c.in_channels, 1, limits::kLatentChannels);
  c.out_channels = json.integer("out_channels", c.out_channels, 1, limits::kLatentChannels);
  if (c.in_channels != c.out_channels) {
    json.reject("in_channels",
                "differs from out_channels: an inpainting or instruction model, not a 1.x text-to-image one");
  }
  if (json.has("down_block_types")) c.down_block_types = json.texts("down_block_types");
  if (json.has("up_block_types")) c.up_block_types = json.texts("up_block_types");
  if (json.has("block_out_channels")) {
    c.block_out_channels = json.integers("block_out_channels", 1, limits::kWidth);
  }
  c.layers_per_block = json.integer("layers_per_block", c.layers_per_block, 1, limits::kLayersPerBlock);
  c.cross_attention_dim = json.integer("cross_attention_dim", c.cross_attention_dim, 1, limits::kWidth);
  c.norm_num_groups = json.integer("norm_num_groups", c.norm_num_groups, 1, 1024);
  c.norm_eps = json.number("norm_eps", c.norm_eps);
  if (c.norm_eps <= 0) json.reject("norm_eps", "expected a positive number");
  c.flip_sin_to_cos = json.boolean("flip_sin_to_cos", c.flip_sin_to_cos);
  c.freq_shift = json.integer("freq_shift", c.freq_shift, 0, 1);
  const auto levels = c.block_out_channels.size();
  if (levels < 2 || levels > limits::kLevels) {
    json.reject("block_out_channels", "expected 2 to " + std::to_string(limits::kLevels) + " levels, found " +
                                          std::to_string(levels));
  }
  if (c.down_block_types.size() != levels)
    json.reject("down_block_types", "not as long as block_out_channels");
  if (c.up_block_types.size() != levels) json.reject("up_block_types", "not as long as block_out_channels");
  for (const auto& type : c.down_block_types) {
    if (type != "DownBlock2D" && type != "CrossAttnDownBlock2D")
      json.reject("down_block_types", "unknown " + type);
  }
  for (const auto& type : c.up_block_types) {
    if (type != "UpBlock2D" && type != "CrossAttnUpBlock2D") json.reject("up_block_types", "unknown " + type);
  }
  const char* heads_key = json.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  c.heads = json.is_list(heads_key)
                ? json.integers(heads_key, 1, limits::kHeads)
                : std::vector<std::int64_t>(levels, json.integer(heads_key, 8, 1, limits::kHeads));
  if (c.heads.size() != levels) json.reject(heads_key, "not as long as block_out_channels");
  for (std::size_t i = 0; i < levels; ++i) {
    if (c.block_out_channels[i] % c.norm_num_groups != 0) {
      json.reject("norm_num_groups", "does not divide block_out_channels");
    }
    if (c.block_out_channels[i] % c.heads[i] != 0)
      json.reject(heads_key, "does not divide block_out_channels");
  }
  if (c.block_out_channels[0] % 2 != 0) json.reject("block_out_channels", "the first must be even");
  return c;
}

nlohmann::json UNetConfig::to_json() const {
  const bool same_heads =
      std::all_of(heads.begin(), heads.end(), [&](auto count) { return count == heads[0]; });
  return {{"_class_name", "UNet2DConditionModel"},
          {"sample_size", sample_size},
          {"in_channels", in_channels},
          {"out_channels", out_channels},
          {"down_block_types", down_block_types},
          {"up_block_types", up_block_types},
          {"block_out_channels", block_out_channels},
          {"layers_per_block", layers_per_block},
          {"cross_attention_dim", cross_attention_dim},
          {"attention_head_dim", same_heads ? nlohmann::json(heads[0]) : nlohmann::json(heads)},
          {"norm_num_groups", norm_num_groups},
          {"norm_eps", norm_eps},
          {"flip_sin_to_cos", flip_sin_to_cos},
          {"freq_shift", freq_shift},
          {"act_fn", "silu"},
          {"mid_block_type", "UNetMidBlock2DCrossAttn"}};
}

}  // namespace forgedit
