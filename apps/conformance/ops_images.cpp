
#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit::conformance {

// Outputs: PICTURE.FILTER.WxH. The picture is beside case.json.
Outputs resample(const Case& fixture) {
  Outputs outputs;
  for (const auto& [name, reference] : fixture.out) {
    const auto picture = name.substr(0, name.find('.'));
    const auto filter = name.find(".lanczos.") != std::string::npos ? Resample::lanczos : Resample::bicubic;
    const auto image = read_image(fixture.folder / (picture + ".png"));
    const auto height = static_cast<int>(reference.size(0)), width = static_cast<int>(reference.size(1));
    auto resized = resize(image, width, height, filter);
    outputs.tensors[name] = torch::from_blob(resized.pixels.data(), {height, width, 3}, torch::kByte).clone();
    outputs.comparisons[name] = {Comparison::Kind::max_abs, fixture.number("max_abs", 1)};
  }
  return outputs;
}

// Outputs are named after their settings. The references keep one pixel in `stride`.
Outputs preprocess(const Case& fixture) {
  constexpr std::int64_t kStride = 4;
  const auto image = read_image(fixture.path("image"));
  const auto stride = fixture.settings.value("stride", kStride);
  Outputs outputs;
  for (const auto& [name, reference] : fixture.out) {
    const auto fallback = starts_with(name, "clip") ? ModelImageConfig::clip() : ModelImageConfig::blip();
    const auto config = ModelImageConfig::from_json(
        fixture.settings.at(name), (fixture.folder / "case.json").string() + ": " + name, fallback);
    const auto tensor = model_image(image, config);
    outputs.tensors[name] = tensor.slice(1, 0, {}, stride).slice(2, 0, {}, stride).contiguous();
    outputs.comparisons[name] = {Comparison::Kind::max_abs, fixture.number("max_abs", 0.02)};
  }
  return outputs;
}

}  // namespace forgedit::conformance
