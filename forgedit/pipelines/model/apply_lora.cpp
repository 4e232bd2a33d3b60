#include "forgedit/pipelines/model/apply_lora.h"

#include <spdlog/fmt/fmt.h>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// Returns the text of PEFT's settings beside a LoRA, which contain its alpha; empty if there are none.
std::string settings_beside(const fs::path& lora) {
  const auto settings = lora.parent_path() / "adapter_config.json";
  return lora.stem() == "adapter_model" && fs::exists(settings) ? read_file(settings) : std::string();
}

std::vector<LoraFactors> read_lora(const LoraFile& lora, const std::vector<LoraNetwork>& networks,
                                   const TensorFilter& wanted = {}) {
  return with_field("lora", [&] {
    return lora_factors(read_weights_file(lora.path, wanted), networks, lora.path.string(),
                        settings_beside(lora.path));
  });
}

}  // namespace

std::string loras_text(const std::vector<LoraFile>& loras) {
  std::string text;
  for (const auto& lora : loras) {
    text += " + " + lora.path.filename().string();
    if (lora.scale != 1) text += fmt::format(":{}", lora.scale);
  }
  return text;
}

std::vector<LoraNetwork> lora_networks(const NamedNetworks& networks) {
  std::vector<LoraNetwork> result;
  for (const auto& [name, module] : networks) result.push_back({name, parameters_of(*module)});
  return result;
}

at::Tensor with_low_rank(const at::Tensor& weight, const at::Tensor& down, const at::Tensor& up,
                         double factor) {
  torch::NoGradGuard no_grad;
  const auto there = [&](const at::Tensor& matrix) { return matrix.to(weight.device(), at::kFloat); };
  const auto change = torch::mm(there(up), there(down)).mul_(factor).view(weight.sizes());
  // Half-precision weights on a CPU (nn/half_weights.h) become float32, as if they had not been kept in half
  // precision.
  const bool half = weight.is_cpu() && weight.scalar_type() == at::kHalf;
  auto sum = torch::empty_like(weight, half ? at::kFloat : weight.scalar_type());
  return sum.copy_(change.add_(weight.to(at::kFloat)));
}

void apply_loras(const std::vector<LoraFile>& loras, const NamedNetworks& networks) {
  if (loras.empty()) return;
  const auto known = lora_networks(networks);
  for (const auto& lora : loras) {
    for (const auto& layer : read_lora(lora, known)) {
      for (const auto& network : known) {
        if (network.name != layer.network) continue;
        auto parameter = network.parameters.at(layer.parameter);
        const double strength = lora.scale * layer.alpha / static_cast<double>(layer.down.size(0));
        const auto changed = with_low_rank(parameter, layer.down, layer.up, strength);
        if (!torch::isfinite(changed).all().item<bool>()) {
          throw failure("lora",
                        lora.path.string() + ": " + layer.parameter +
                            ": the changed weights are not finite: NaN in the file, or too large a scale");
        }
        parameter.set_data(changed);
      }
    }
  }
}

void check_loras(const std::vector<LoraFile>& loras, const NamedNetworks& networks) {
  if (loras.empty()) return;
  const auto known = lora_networks(networks);
  for (const auto& lora : loras) read_lora(lora, known, is_lora_alpha);
}

}  // namespace forgedit
