
#include <cmath>
#include <cstdio>

#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/metrics/clip_score.h"
#include "forgedit/models/lpips.h"

namespace forgedit::conformance {
namespace {

/// Computes the weights of a trunk that is too large for a file: u = ((i·A + l·B + C) mod 2³²) / 2³² for
/// convolution l and flat index i, weight = (u − 0.5)·2·sqrt(6 / fan_in), bias 0. A, B and C are read from
/// `formula`.
StateDict trunk_from_formula(const std::string& formula, const StateDict& parameters) {
  long a = 0, b = 0, c = 0;
  const auto at = formula.find("u = ((i*");
  if (at == std::string::npos || formula.find("(u - 0.5) * 2 * sqrt(6 / fan_in)") == std::string::npos ||
      std::sscanf(formula.c_str() + at, "u = ((i*%ld + l*%ld + %ld) mod 2^32) / 2^32", &a, &b, &c) != 3) {
    throw failure("trunk_formula: not the formula that this program knows");
  }
  std::map<int, std::string> convolutions;  // by position in `features`
  for (const auto& [name, tensor] : parameters) {
    int index = 0;
    if (std::sscanf(name.c_str(), "features.%d.weight", &index) == 1 && tensor.dim() == 4) {
      convolutions[index] = name;
    }
  }
  StateDict trunk;
  std::int64_t l = 0;
  for (const auto& [index, name] : convolutions) {
    const auto& like = parameters.at(name);
    const auto i = torch::arange(like.numel(), torch::kLong);
    const auto u =
        torch::remainder(i * a + l * b + c, std::int64_t{1} << 32).to(torch::kDouble) / 4294967296.0;
    const double bound = 2 * std::sqrt(6.0 / static_cast<double>(like[0].numel()));
    trunk[name] = ((u - 0.5) * bound).to(torch::kFloat).view(like.sizes());
    trunk["features." + std::to_string(index) + ".bias"] = torch::zeros({like.size(0)});
    ++l;
  }
  return trunk;
}

}  // namespace

Outputs clip_score(const Case& fixture) {
  torch::NoGradGuard no_grad;
  const auto& device = fixture.policy.device;
  auto model = load_clip(fixture.path("model"), device);
  const auto images = model->encode_image(fixture.input("pixel_values").to(device));
  const auto texts = model->encode_text(fixture.input("ids").to(device));
  return {{{"image_embeds", images},
           {"text_embeds", texts},
           {"cosine", images.matmul(texts.t())},
           {"logits_per_image", model->logits_per_image(images, texts)}},
          {}};
}

Outputs lpips(const Case& fixture) {
  torch::NoGradGuard no_grad;
  const auto& device = fixture.policy.device;
  Lpips network(parse_lpips_trunk(fixture.settings.at("net").get<std::string>()));
  auto weights = read_safetensors(fixture.path("heads")).tensors;
  weights.merge(
      fixture.settings.contains("trunk_formula")
          ? trunk_from_formula(fixture.settings["trunk_formula"].get<std::string>(), parameters_of(*network))
          : read_safetensors(fixture.path("trunk")).tensors);
  load_state(*network, normalise_lpips_keys(weights), fixture.folder.string());
  network->to(device);
  return {{{"lpips", network(fixture.input("a").to(device), fixture.input("b").to(device))}}, {}};
}

}  // namespace forgedit::conformance
