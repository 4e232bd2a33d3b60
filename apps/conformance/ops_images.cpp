#include <torch/torch.h>

#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/io/image.h"
#include "forgedit/io/resample.h"

namespace forgedit::conformance {

// Names are PICTURE.FILTER.WxH; the picture lies beside case.json.
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

}  // namespace forgedit::conformance
