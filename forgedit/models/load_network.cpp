#include "forgedit/models/load_network.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/nn/half_weights.h"

namespace forgedit {
namespace {

/// Names of the tensors that quantising programs store beside a weight, and by which it must be scaled.
constexpr std::array<std::string_view, 12> kScales{
    "scaled_fp8",  "scale_weight",     "weight_scale",         "scale_input",
    "input_scale", "weight_scale_inv", "weight.absmax",        "weight.SCB",
    "comfy_quant", "weight.quant_map", "weight.nested_absmax", "weight_scale_2"};

}  // namespace

bool is_scale_of_weights(const std::string& name) {
  return std::any_of(kScales.begin(), kScales.end(), [&](std::string_view end) {
    if (name.size() < end.size() || name.compare(name.size() - end.size(), end.size(), end) != 0)
      return false;
    return name.size() == end.size() || name[name.size() - end.size() - 1] == '.';
  });
}

void reject_scaled_weights(const StateDict& weights, const std::string& origin) {
  for (const auto& [name, tensor] : weights) {
    if (is_scale_of_weights(name)) {
      throw failure(origin + ": " + name +
                    ": scaled or quantised weights, which are not supported: expected plain floating point");
    }
  }
}

StateDict fit_projections(const torch::nn::Module& network, StateDict weights) {
  const auto squeezed = [](at::IntArrayRef sizes) {
    const bool pointwise = sizes.size() == 4 && sizes[2] == 1 && sizes[3] == 1;
    return pointwise ? sizes.slice(0, 2) : sizes;
  };
  for (const auto& parameter : network.named_parameters()) {
    const auto& name = parameter.key();
    if (!ends_with(name, "proj_in.weight") && !ends_with(name, "proj_out.weight")) continue;
    const auto found = weights.find(name);
    if (found == weights.end()) continue;
    const auto wanted = parameter.value().sizes(), given = found->second.sizes();
    if (wanted != given && squeezed(wanted) == squeezed(given)) found->second = found->second.view(wanted);
  }
  return weights;
}

StateDict stand_ins(const StateDict& weights) {
  StateDict result;
  for (const auto& [name, tensor] : weights) {
    const auto type = tensor.is_floating_point() ? torch::kFloat : tensor.scalar_type();
    result.emplace(name, torch::empty(at::IntArrayRef(), type).expand(tensor.sizes()));
  }
  return result;
}

void load_weights(torch::nn::Module& network, StateDict weights, const std::string& origin, bool keep_half) {
  StateDict half;
  for (const auto& name : keep_half ? nn::half_candidates(network) : std::set<std::string>()) {
    const auto found = weights.find(name);
    if (found != weights.end() && found->second.scalar_type() == torch::kHalf) half.insert(*found);
  }
  for (const auto& [name, stand_in] : stand_ins(half)) weights[name] = stand_in;
  load_state(network, weights, origin);
  auto parameters = parameters_of(network);
  for (const auto& [name, tensor] : half) parameters.at(name).set_data(tensor);
}

}  // namespace forgedit
