#include "forgedit/pipelines/settings_json.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"

namespace forgedit {
namespace {

using nlohmann::json;
constexpr std::int64_t kMaxCount = 1'000'000'000;

}  // namespace

json to_json(const LearnOptions& o) {
  return {{"samples", o.samples},
          {"batch", o.batch},
          {"unet_lr", o.unet_lr},
          {"text_lr", o.text_lr},
          {"beta1", o.beta1},
          {"beta2", o.beta2},
          {"adam_eps", o.adam_eps},
          {"stop_loss", o.stop_loss},
          {"stop_after", o.stop_after},
          {"layers", layer_scope_name(o.layers)},
          {"seed", o.seed}};
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
  o.samples = reader.integer("samples", {}, 1, kMaxCount);
  o.batch = reader.integer("batch", {}, 1, kMaxCount);
  o.unet_lr = reader.number("unet_lr", {});
  o.text_lr = reader.number("text_lr", {});
  o.beta1 = reader.number("beta1", {});
  o.beta2 = reader.number("beta2", {});
  o.adam_eps = reader.number("adam_eps", {});
  o.stop_loss = reader.number("stop_loss", {});
  o.stop_after = reader.integer("stop_after", {}, 0, kMaxCount);
  const auto layers = reader.text("layers", {});
  try {
    o.layers = parse_layer_scope(layers);
  } catch (const Error& error) {
    reader.reject("layers", error.what());
  }
  o.seed = static_cast<std::uint64_t>(reader.integer("seed", {}, 0, INT64_MAX));
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

std::string json_text(const json& object, int indent) {
  return object.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace forgedit
