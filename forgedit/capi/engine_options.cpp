#include "forgedit/capi/engine_options.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/jobs/request_reader.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kMostThreads = 1024, kMostLayers = 1000;

/// Reads a number of GiB, or a text that parse_gib accepts.
void read_memory(RequestReader& reader, std::optional<double>& memory) {
  const auto* found = reader.find("memory");
  if (!found) return;
  memory = parse_gib("memory", found->is_string() ? found->get<std::string>() : found->dump());
}

void read_model(RequestReader& reader, ModelRequest& model) {
  reader.text("model", model.model);
  reader.text("vae", model.vae);
  reader.text("tokenizer", model.tokenizer);
  reader.text("config", model.config);
  if (const auto loras = reader.texts("lora", nullptr)) {
    for (const auto& lora : *loras) model.loras.push_back(parse_lora("lora", lora));
  }
  reader.whole("clip_skip", model.clip_skip, 1, kMostLayers);
  reader.text("device", model.device);
  std::string precision;
  reader.text("precision", precision);
  if (!precision.empty()) {
    model.precision = with_field("precision", [&] { return parse_precision(precision); });
  }
  reader.boolean("plain", model.plain);
  read_memory(reader, model.memory);
  std::int64_t threads = 0;
  reader.whole("threads", threads, 1, kMostThreads);
  model.threads = static_cast<int>(threads);
}

void read_places(RequestReader& reader, Places& places, const fs::path& usual_assets) {
  std::string assets, hub_cache;
  reader.text("assets", assets);
  reader.text("hub_cache", hub_cache);
  const auto place = assets.empty() ? usual_assets : fs::path(assets);
  if (std::error_code error; fs::exists(place / kFontFile, error)) {
    places.assets = place;
  } else {
    places.no_assets =
        place.string() + ": no " + kFontFile + " there; `assets` names forgedit's assets folder";
    if (!assets.empty()) throw usage_error("assets", places.no_assets);
  }
  places.hub_cache = hub_cache;
  places.font_folders = {"/usr/share/fonts", "/usr/local/share/fonts"};
}

}  // namespace

EngineSettings read_engine_settings(const json& options, const fs::path& assets) {
  EngineSettings settings;
  RequestReader reader(options, "");
  read_model(reader, settings.engine.model);
  read_places(reader, settings.places, assets);
  reader.finish();
  return settings;
}

}  // namespace forgedit
