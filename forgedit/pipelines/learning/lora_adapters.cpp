#include "forgedit/pipelines/learning/lora_adapters.h"

#include <cmath>
#include <map>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/keymaps/lora.h"
#include "forgedit/nn/half_weights.h"
#include "forgedit/pipelines/model/apply_lora.h"

namespace forgedit {
namespace {

constexpr const char* kDown = ".lora_down.weight";
constexpr const char* kUp = ".lora_up.weight";

/// Adapted parameters by name.
StateDict adapted_parameters(const LearnOptions& options, const torch::nn::Module& unet) {
  StateDict result;
  // Qualified, because in a unity build the function of the same name in learn_loop.cpp is visible here.
  for (const auto& [name, parameter] : forgedit::parameters_of(unet)) {
    if (is_adapted(options, name, parameter)) result.emplace(name, parameter);
  }
  return result;
}

}  // namespace

bool is_adapted(const LearnOptions& options, const std::string& name, const at::Tensor& parameter) {
  const bool matrix =
      parameter.dim() == 2 || (parameter.dim() == 4 && parameter.size(2) == 1 && parameter.size(3) == 1);
  return matrix && name.find(".attentions.") != std::string::npos && name.ends_with(".weight") &&
         learns(options.layers, name);
}

LoraAdapters::LoraAdapters(UNet unet, const LearnOptions& options, const ComputePolicy& policy) {
  auto generator = at::detail::createCPUGenerator(options.seed);
  const auto modules = unet->named_modules("", /*include_self=*/false);
  std::vector<torch::Tensor> values;
  for (const auto& [name, weight] : adapted_parameters(options, *unet)) {
    const auto module = module_of(name);
    const double bound = 1 / std::sqrt(static_cast<double>(weight.size(1)));
    const auto down = torch::empty({options.lora_rank, weight.size(1)}).uniform_(-bound, bound, generator);
    const auto up = torch::zeros({weight.size(0), options.lora_rank});
    auto* place = nn::adapter_of(*modules[module]);
    const auto placed = [&](const torch::Tensor& value, const char* end) {
      const auto type = policy.reduced() ? torch::kBFloat16 : torch::kFloat;
      values.push_back(value);
      names_.push_back(module + end);
      parameters_.push_back(value.to(policy.device, type, /*non_blocking=*/false, /*copy=*/true));
      return parameters_.back();
    };
    places_.push_back(place);
    *place = {placed(down, kDown), placed(up, kUp), options.lora_scale()};
  }
  if (policy.reduced()) split_ = std::make_unique<SplitWeights>(parameters_, values);
}

LoraAdapters::~LoraAdapters() {
  for (auto* place : places_) *place = {};
}

ParameterGroup LoraAdapters::group(double lr) const {
  return {parameters_, lr, split_.get(), true};
}

StateDict LoraAdapters::learned() const {
  const auto values = split_ ? split_->values() : parameters_;
  StateDict result;
  for (std::size_t i = 0; i < names_.size(); ++i) result.emplace(names_[i], values[i].detach());
  return result;
}

AdapterCount count_adapters(const LearnOptions& options, const torch::nn::Module& unet) {
  AdapterCount count;
  for (const auto& [name, parameter] : adapted_parameters(options, unet)) {
    count.weights += parameter.numel();
    count.adapters += options.lora_rank * (parameter.size(0) + parameter.size(1));
  }
  return count;
}

void check_adapters(const StateDict& lora, const LearnOptions& options, const torch::nn::Module& unet,
                    const std::string& origin) {
  std::map<std::string, std::vector<std::int64_t>> expected;
  for (const auto& [name, parameter] : adapted_parameters(options, unet)) {
    expected.emplace(module_of(name) + kDown, std::vector{options.lora_rank, parameter.size(1)});
    expected.emplace(module_of(name) + kUp, std::vector{parameter.size(0), options.lora_rank});
  }
  for (const auto& [key, shape] : expected) {
    const auto found = lora.find(key);
    if (found == lora.end()) throw failure(origin + ": " + key + ": missing in the learned LoRA");
    if (found->second.sizes() == shape) continue;
    throw failure(origin + ": " + key + ": expected " + shape_text(shape) + ", found " +
                  shape_text(found->second.sizes()));
  }
  for (const auto& [key, tensor] : lora) {
    if (!expected.count(key)) throw failure(origin + ": " + key + ": unexpected in the learned LoRA");
  }
}

StateDict merged_adapters(const StateDict& lora, const LearnOptions& options, const StableDiffusion& model) {
  StateDict merged;
  for (const auto& [name, parameter] : adapted_parameters(options, *model.unet)) {
    const auto& down = lora.at(module_of(name) + kDown);
    const auto& up = lora.at(module_of(name) + kUp);
    const auto original = model.unet_as_loaded.empty() ? parameter : model.unet_as_loaded.at(name);
    const auto device = model.policy.device;
    const auto sum = with_low_rank(original.to(device, torch::kFloat), down, up, options.lora_scale());
    auto placed = torch::empty_like(parameter, nn::learned_options(parameter).device(
                                                   model.memory.offload ? c10::Device(torch::kCPU) : device));
    merged.emplace(name, placed.copy_(sum));
  }
  return merged;
}

}  // namespace forgedit
