// config.json of every network, and preprocessor_config.json.
#include <nlohmann/json.hpp>

#include "forgedit/core/json.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/models/blip.h"
#include "forgedit/models/clip.h"
#include "forgedit/models/clip_text.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"
#include "fuzz/input.h"

namespace {

using namespace forgedit;

/// What was read is written, and must then read the same.
template <class Read>
void read_twice(const Read& read, const nlohmann::json& json) {
  fuzzing::expect_only_errors([&] {
    const auto written = read(json).to_json();
    if (read(nlohmann::json::parse(written.dump())).to_json() != written) std::abort();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = fuzzing::input_folder().write("config.json", fuzzing::as_text(data, size));
  fuzzing::expect_only_errors([&] {
    const auto json = read_json_object(file);
    const std::string origin = "config.json";
    read_twice([&](const auto& from) { return UNetConfig::from_json({origin, from}); }, json);
    read_twice([&](const auto& from) { return VaeConfig::from_json({origin, from}); }, json);
    read_twice([&](const auto& from) { return ClipTextConfig::from_json({origin, from}); }, json);
    read_twice([&](const auto& from) { return ClipConfig::from_json(origin, from); }, json);
    read_twice([&](const auto& from) { return BlipConfig::from_json(from, origin); }, json);
    for (const auto& fallback : {ModelImageConfig::clip(), ModelImageConfig::blip()}) {
      fuzzing::expect_only_errors([&] { ModelImageConfig::from_json(json, origin, fallback); });
    }
  });
  return 0;
}
