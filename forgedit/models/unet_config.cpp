#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/models/config_limits.h"
#include "forgedit/models/unet.h"

namespace forgedit {
namespace {

/// Settings of other model families are rejected, because their networks would be computed wrongly.
void refuse_other_families(const ConfigReader& json) {
  if (json.has("time_cond_proj_dim")) {
    json.reject("time_cond_proj_dim",
                "a consistency-distilled (LCM) UNet, which takes the guidance scale as an input; it is not "
                "supported");
  }
  for (const char* key : {"class_embed_type", "num_class_embeds", "encoder_hid_dim", "encoder_hid_dim_type",
                          "cross_attention_norm", "time_embedding_act_fn", "timestep_post_act",
                          "reverse_transformer_layers_per_block"}) {
    if (json.has(key)) {
      json.reject(key, "belongs to another model family; expected Stable Diffusion 1.x, 2.x or XL");
    }
  }
  for (const char* key : {"dual_cross_attention", "class_embeddings_concat", "center_input_sample",
                          "only_cross_attention", "mid_block_only_cross_attention", "resnet_skip_time_act"}) {
    if (json.boolean(key, false)) json.reject(key, "expected false, as in Stable Diffusion");
  }
}

/// Settings that affect the result of the same weights and have one value in all models of these families.
void require_published_unet(const ConfigReader& json) {
  if (json.has("quantization_config"))
    json.reject("quantization_config", "quantised weights are not supported");
  const std::pair<const char*, const char*> texts[] = {
      {"_class_name", "UNet2DConditionModel"}, {"mid_block_type", "UNetMidBlock2DCrossAttn"},
      {"time_embedding_type", "positional"},   {"resnet_time_scale_shift", "default"},
      {"attention_type", "default"},           {"prediction_type", "epsilon"}};
  for (const auto& [key, value] : texts) {
    const auto found = json.text(key, value);
    if (found != value) json.reject(key, "expected " + std::string(value) + ", found " + found);
  }
  const auto act = json.text("act_fn", "silu");
  if (act != "silu" && act != "swish") json.reject("act_fn", "expected silu, found " + act);
  const std::pair<const char*, double> numbers[] = {
      {"mid_block_scale_factor", 1}, {"resnet_out_scale_factor", 1}, {"conv_in_kernel", 3},
      {"conv_out_kernel", 3},        {"downsample_padding", 1},      {"dropout", 0}};
  for (const auto& [key, value] : numbers) {
    const auto found = json.number(key, value);
    if (found != value) {
      json.reject(key, "expected " + nlohmann::json(value).dump() + ", as in Stable Diffusion, found " +
                           nlohmann::json(found).dump());
    }
  }
}

void read_levels(const ConfigReader& json, UNetConfig& c) {
  if (json.has("down_block_types")) c.down_block_types = json.texts("down_block_types");
  if (json.has("up_block_types")) c.up_block_types = json.texts("up_block_types");
  if (json.has("block_out_channels")) {
    c.block_out_channels = json.integers("block_out_channels", 1, limits::kWidth);
  }
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
}

/// Reads one number for all levels, or a list with one for each.
std::vector<std::int64_t> number_a_level(const ConfigReader& json, const char* key, std::int64_t fallback,
                                         std::int64_t least, std::int64_t most, std::size_t levels) {
  if (!json.is_list(key)) return std::vector<std::int64_t>(levels, json.integer(key, fallback, 1, most));
  auto numbers = json.integers(key, least, most);
  if (numbers.size() != levels) json.reject(key, "not as long as block_out_channels");
  return numbers;
}

/// Reads heads and depths of the transformers. The levels must be known.
void read_transformers(const ConfigReader& json, UNetConfig& c) {
  const auto levels = c.block_out_channels.size();
  const char* heads_key = json.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  c.heads = number_a_level(json, heads_key, 8, 1, limits::kHeads, levels);
  const char* depth_key = "transformer_layers_per_block";
  c.transformer_layers_per_block = number_a_level(json, depth_key, 1, 0, limits::kLayers, levels);
  for (std::size_t i = 0; i < levels; ++i) {
    if (c.block_out_channels[i] % c.norm_num_groups != 0) {
      json.reject("norm_num_groups", "does not divide block_out_channels");
    }
    if (c.block_out_channels[i] % c.heads[i] != 0)
      json.reject(heads_key, "does not divide block_out_channels");
    const bool attends = c.down_block_types[i] == "CrossAttnDownBlock2D" || i + 1 == levels ||
                         c.up_block_types[levels - 1 - i] == "CrossAttnUpBlock2D";
    if (attends && c.transformer_layers_per_block[i] == 0) {
      json.reject(depth_key, "expected at least 1 at a level with attention, found 0");
    }
  }
  c.use_linear_projection = json.boolean("use_linear_projection", c.use_linear_projection);
}

void read_added_conditions(const ConfigReader& json, UNetConfig& c) {
  c.addition_embed_type = json.text("addition_embed_type", c.addition_embed_type);
  if (c.addition_embed_type.empty()) return;
  if (c.addition_embed_type != "text_time") {
    json.reject("addition_embed_type", "expected text_time, found " + c.addition_embed_type);
  }
  c.addition_time_embed_dim = json.integer("addition_time_embed_dim", 0, 2, limits::kWidth);
  if (c.addition_time_embed_dim % 2 != 0) json.reject("addition_time_embed_dim", "expected an even number");
  const char* key = "projection_class_embeddings_input_dim";
  c.projection_class_embeddings_input_dim = json.integer(key, 0, 1, 2 * limits::kWidth);
  if (c.pooled_width() < 1) {
    json.reject(key, "expected more than the " + std::to_string(kTimeIds * c.addition_time_embed_dim) +
                         " features of the time ids, found " +
                         std::to_string(c.projection_class_embeddings_input_dim));
  }
}

}  // namespace

std::int64_t UNetConfig::pooled_width() const {
  return projection_class_embeddings_input_dim - kTimeIds * addition_time_embed_dim;
}

UNetConfig UNetConfig::from_json(const ConfigReader& json) {
  refuse_other_families(json);
  require_published_unet(json);
  UNetConfig c;
  c.sample_size = json.integer("sample_size", c.sample_size, 1, limits::kLatentSide);
  c.in_channels = json.integer("in_channels", c.in_channels, 1, limits::kLatentChannels);
  c.out_channels = json.integer("out_channels", c.out_channels, 1, limits::kLatentChannels);
  if (c.in_channels != c.out_channels) {
    json.reject("in_channels",
                "differs from out_channels: an inpainting or instruction model, not a text-to-image one");
  }
  c.layers_per_block = json.integer("layers_per_block", c.layers_per_block, 1, limits::kLayersPerBlock);
  c.cross_attention_dim = json.integer("cross_attention_dim", c.cross_attention_dim, 1, limits::kWidth);
  c.norm_num_groups = json.integer("norm_num_groups", c.norm_num_groups, 1, 1024);
  c.norm_eps = json.number("norm_eps", c.norm_eps);
  if (c.norm_eps <= 0) json.reject("norm_eps", "expected a positive number");
  c.flip_sin_to_cos = json.boolean("flip_sin_to_cos", c.flip_sin_to_cos);
  c.freq_shift = json.integer("freq_shift", c.freq_shift, 0, 1);
  read_levels(json, c);
  read_transformers(json, c);
  read_added_conditions(json, c);
  if (c.block_out_channels[0] % 2 != 0) json.reject("block_out_channels", "the first must be even");
  const auto time_width = 4 * c.block_out_channels[0];
  if (json.integer("time_embedding_dim", time_width, 1, limits::kWidth) != time_width) {
    json.reject("time_embedding_dim", "expected " + std::to_string(time_width) + ", 4 times the first width");
  }
  return c;
}

nlohmann::json UNetConfig::to_json() const {
  const auto one_or_all = [](const std::vector<std::int64_t>& numbers) {
    const bool same = std::all_of(numbers.begin(), numbers.end(), [&](auto n) { return n == numbers[0]; });
    return same ? nlohmann::json(numbers[0]) : nlohmann::json(numbers);
  };
  nlohmann::json json{{"_class_name", "UNet2DConditionModel"},
                      {"sample_size", sample_size},
                      {"in_channels", in_channels},
                      {"out_channels", out_channels},
                      {"down_block_types", down_block_types},
                      {"up_block_types", up_block_types},
                      {"block_out_channels", block_out_channels},
                      {"layers_per_block", layers_per_block},
                      {"cross_attention_dim", cross_attention_dim},
                      {"attention_head_dim", one_or_all(heads)},
                      {"norm_num_groups", norm_num_groups},
                      {"norm_eps", norm_eps},
                      {"flip_sin_to_cos", flip_sin_to_cos},
                      {"freq_shift", freq_shift},
                      {"act_fn", "silu"},
                      {"mid_block_type", "UNetMidBlock2DCrossAttn"}};
  // Settings that SD 1.x does not have are written only if they differ from its values.
  if (const auto depths = one_or_all(transformer_layers_per_block); depths != 1) {
    json["transformer_layers_per_block"] = depths;
  }
  if (use_linear_projection) json["use_linear_projection"] = true;
  if (takes_added_conditions()) {
    json["addition_embed_type"] = addition_embed_type;
    json["addition_time_embed_dim"] = addition_time_embed_dim;
    json["projection_class_embeddings_input_dim"] = projection_class_embeddings_input_dim;
  }
  return json;
}

}  // namespace forgedit
