#pragma once

#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/pipelines/learning/learn_loop.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Whether a LoRA of these options adapts the UNet parameter `name`: weights of the matrices in and around
/// attention (to_q, to_k, to_v, to_out.0, ff.net.0.proj, ff.net.2, proj_in, proj_out) in blocks that learn.
/// These are what kohya's programs adapt by default (Transformer2DModel).
bool is_adapted(const LearnOptions& options, const std::string& name, const at::Tensor& parameter);

/// Adapters in the layers of a UNet while this lives: down from the options' seed, uniform within
/// ±1/sqrt(inputs) as published LoRA starts, up zero. The network's own weights neither learn nor change.
class LoraAdapters {
 public:
  /// `policy.reduced()`: the adapters are bfloat16 with float32 weights beside them, as SplitWeights has it.
  LoraAdapters(UNet unet, const LearnOptions& options, const ComputePolicy& policy);
  ~LoraAdapters();
  LoraAdapters(const LoraAdapters&) = delete;
  LoraAdapters& operator=(const LoraAdapters&) = delete;

  ParameterGroup group(double lr) const;
  /// MODULE.lora_down.weight (rank, in) and MODULE.lora_up.weight (out, rank) as they stand, float32.
  StateDict learned() const;

 private:
  std::vector<nn::Adapter*> places_;
  std::vector<std::string> names_;  // of `parameters_`
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<SplitWeights> split_;
};

/// How many numbers learn, and of how many weights.
struct AdapterCount {
  std::int64_t adapters = 0, weights = 0;
};
AdapterCount count_adapters(const LearnOptions& options, const torch::nn::Module& unet);

/// Throws a failure that starts with `origin` where `lora` is not what LoraAdapters::learned gives for this
/// UNet: names and shapes.
void check_adapters(const StateDict& lora, const LearnOptions& options, const torch::nn::Module& unet,
                    const std::string& origin);

/// The weights that `lora` (LoraAdapters::learned) changes, changed: by parameter name, in the types of the
/// UNet and on its device, or on the CPU where the model offloads.
StateDict merged_adapters(const StateDict& lora, const LearnOptions& options, const StableDiffusion& model);

}  // namespace forgedit
