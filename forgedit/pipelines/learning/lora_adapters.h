#pragma once

#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/pipelines/learning/learn_loop.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Whether a LoRA with these options adapts the UNet parameter `name`: weights of the matrices in and around
/// attention (to_q, to_k, to_v, to_out.0, ff.net.0.proj, ff.net.2, proj_in, proj_out) in the selected blocks.
/// kohya's programs adapt the same by default (Transformer2DModel).
bool is_adapted(const LearnOptions& options, const std::string& name, const at::Tensor& parameter);

/// Puts adapters into the layers of a UNet while this lives. `down` is initialised from the seed of the
/// options, uniform within ±1/sqrt(inputs) as in published LoRAs, `up` with zeros. The network's own weights
/// are frozen.
class LoraAdapters {
 public:
  /// If policy.reduced(), the adapters are bfloat16 with float32 weights in SplitWeights.
  LoraAdapters(UNet unet, const LearnOptions& options, const ComputePolicy& policy);
  ~LoraAdapters();
  LoraAdapters(const LoraAdapters&) = delete;
  LoraAdapters& operator=(const LoraAdapters&) = delete;

  ParameterGroup group(double lr) const;
  /// MODULE.lora_down.weight (rank, in) and MODULE.lora_up.weight (out, rank) with their current values,
  /// float32.
  StateDict learned() const;

 private:
  std::vector<nn::Adapter*> places_;
  std::vector<std::string> names_;  // names of `parameters_`
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<SplitWeights> split_;
};

/// The number of parameters in adapters, and in the weights that they adapt.
struct AdapterCount {
  std::int64_t adapters = 0, weights = 0;
};
AdapterCount count_adapters(const LearnOptions& options, const torch::nn::Module& unet);

/// Throws a failure that starts with `origin` if names or shapes in `lora` are not those of
/// LoraAdapters::learned for this UNet.
void check_adapters(const StateDict& lora, const LearnOptions& options, const torch::nn::Module& unet,
                    const std::string& origin);

/// Returns the weights that `lora` (LoraAdapters::learned) changes, with the change: by parameter name, in
/// the types of the UNet and on its device, or on the CPU if the model offloads.
StateDict merged_adapters(const StateDict& lora, const LearnOptions& options, const StableDiffusion& model);

}  // namespace forgedit
