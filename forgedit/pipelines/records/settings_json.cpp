#include "forgedit/pipelines/records/settings_json.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"

namespace forgedit {
namespace {

using nlohmann::json;
constexpr std::int64_t kMaxCount = 1'000'000'000;

/// Reads a value by its name with `parse`.
template <typename Parse>
auto named(const ConfigReader& reader, const char* key, std::optional<std::string> fallback, Parse parse) {
  const auto name = reader.text(key, std::move(fallback));
  try {
    return parse(name);
  } catch (const Error& error) {
    reader.reject(key, error.what());
  }
}

}  // namespace

json to_json(const LearnOptions& o) {
  json result{{"method", learn_method_name(o.method)},
              {"samples", o.samples},
              {"batch", o.batch},
              {"embedding_samples", o.embedding_samples},
              {"unet_lr", o.unet_lr},
              {"text_lr", o.text_lr},
              {"beta1", o.adam.beta1},
              {"beta2", o.adam.beta2},
              {"adam_eps", o.adam.eps},
              {"stop_loss", o.stop_loss},
              {"stop_after", o.stop_after},
              {"layers", layer_scope_name(o.layers)},
              {"seed", o.seed}};
  if (o.stop_known > 0) result["stop_known"] = o.stop_known;
  if (o.lr_decay > 0) result["lr_decay"] = o.lr_decay;
  if (o.stratified_timesteps) result["stratified_timesteps"] = true;
  if (o.snr_gamma > 0) result["snr_gamma"] = o.snr_gamma;
  if (o.fast) result["fast"] = true;  // omitted otherwise, as in records of earlier versions
  if (o.tuning == Tuning::lora) {     // likewise
    result["learn"] = tuning_name(o.tuning);
    result["lora_rank"] = o.lora_rank;
    result["lora_alpha"] = o.lora_scale() * static_cast<double>(o.lora_rank);
  }
  return result;
}

json to_json(const Frame& f) {
  return {{"source_width", f.source_width},
          {"source_height", f.source_height},
          {"width", f.width},
          {"height", f.height},
          {"left", f.left},
          {"top", f.top},
          {"grid_width", f.grid_width},
          {"grid_height", f.grid_height}};
}

LearnOptions learn_options_from_json(const std::string& origin, const json& object) {
  const ConfigReader reader(origin, object);
  LearnOptions o;
  // Old saved edits, from when there was one method, name none.
  o.method = named(reader, "method", learn_method_name(LearnMethod::vanilla), parse_learn_method);
  o.samples = reader.integer("samples", {}, 1, kMaxCount);
  o.batch = reader.integer("batch", {}, 1, kMaxCount);
  o.embedding_samples = reader.integer("embedding_samples", 0, 0, kMaxCount);
  o.unet_lr = reader.number("unet_lr", {});
  o.text_lr = reader.number("text_lr", {});
  o.adam.beta1 = reader.number("beta1", {});
  o.adam.beta2 = reader.number("beta2", {});
  o.adam.eps = reader.number("adam_eps", {});
  o.stop_loss = reader.number("stop_loss", {});
  o.stop_after = reader.integer("stop_after", {}, 0, kMaxCount);
  o.stop_known = reader.number("stop_known", 0);
  o.lr_decay = reader.number("lr_decay", 0);
  o.stratified_timesteps = reader.boolean("stratified_timesteps", false);
  o.snr_gamma = reader.number("snr_gamma", 0);
  o.layers = named(reader, "layers", {}, parse_layer_scope);
  o.seed = static_cast<std::uint64_t>(reader.integer("seed", {}, 0, INT64_MAX));
  o.fast = reader.boolean("fast", false);
  o.tuning = named(reader, "learn", tuning_name(Tuning::full), parse_tuning);
  if (o.tuning == Tuning::lora) {
    o.lora_rank = reader.integer("lora_rank", {}, 1, kMaxCount);
    o.lora_alpha = reader.number("lora_alpha", {});
  }
  return o;
}

Frame frame_from_json(const std::string& origin, const json& object) {
  const ConfigReader reader(origin, object);
  const auto side = [&](const char* key, int low, int high = kMaxImageSide) {
    return static_cast<int>(reader.integer(key, {}, low, high));
  };
  Frame f;
  f.source_width = side("source_width", 1);
  f.source_height = side("source_height", 1);
  f.grid_width = side("grid_width", 1);
  f.grid_height = side("grid_height", 1);
  f.width = side("width", 1, f.grid_width);
  f.height = side("height", 1, f.grid_height);
  f.left = side("left", 0, f.grid_width - f.width);
  f.top = side("top", 0, f.grid_height - f.height);
  return f;
}

}  // namespace forgedit
