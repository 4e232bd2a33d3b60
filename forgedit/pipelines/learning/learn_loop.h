#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "forgedit/core/scoped_parameters.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/core/torch.h"
#include "forgedit/device/device.h"
#include "forgedit/editing/learn_result.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/learning/split_adam.h"
#include "forgedit/pipelines/model/memory_plan.h"
#include "forgedit/pipelines/model/progress.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {

/// Leaf tensors that are trained with one learning rate.
struct ParameterGroup {
  std::vector<torch::Tensor> parameters;
  double lr = 0;
  SplitWeights* split = nullptr;  ///< the float32 weights of bfloat16 parameters
  bool network = false;           ///< whether 8-bit Adam, if the plan has it, applies to these too
};

/// Predicts the noise or the velocity in noisy latents (batch, 4, h, w) with timesteps (batch).
using NoisePredictor =
    std::function<torch::Tensor(const torch::Tensor& noisy_latents, const torch::Tensor& timesteps)>;

/// Fine-tuning steps of one Adam over the same parameters. They require gradients only while the phase runs.
struct LearnPhase {
  std::vector<ParameterGroup> groups;
  std::int64_t steps = 0;
};

/// The noise and timesteps of one step.
struct LearnBatch {
  torch::Tensor noise;      ///< (batch, 4, h, w)
  torch::Tensor timesteps;  ///< (batch) int64
};
using LearnBatches = std::function<LearnBatch(std::int64_t step)>;

/// The network, picture and settings of all phases.
struct LearnTask {
  torch::Tensor latents;  ///< (1, 4, h, w), scaled
  NoisePredictor predict;
  AdamSettings adam;
  EarlyStop stop;
  ComputePolicy policy;
  MemoryPlan memory;
  bool fast = false;             ///< see LearnOptions
  double stop_known = 0;         ///< see LearnOptions; tested in the last phase only
  double lr_decay = 0;           ///< see LearnOptions; applies to each phase
  double snr_gamma = 0;          ///< see LearnOptions
  NoiseScheduleOptions noise{};  ///< noise schedule of the model
  std::int64_t step_bytes = 0;   ///< minimum working memory of a step in bytes; 0 if unknown
  std::int64_t unet_count = 0;   ///< parameters of the UNet, by which recorded steps of other networks differ
};

/// The number of steps between two tests of the known share. A test takes a third of the time of a step.
inline constexpr std::int64_t kStepsBetweenTests = 10;

/// Runs the phases one after the other. The result has the loss of every step (the mean square error of the
/// prediction), the known share of each test, and how fine-tuning ended; the caller adds the learned weights.
/// `batches` and `progress` count steps over all phases. Throws Error if a loss is not finite.
LearnResult run_learn_loop(const LearnTask& task, const std::vector<LearnPhase>& phases,
                           const LearnBatches& batches, const ProgressCallback& progress);

/// Replaces the trained parameters of a network by copies while this lives. A network that computes in
/// bfloat16 is trained on separate float32 weights.
class TrainableParameters {
 public:
  using Selector = std::function<bool(const std::string& name)>;

  /// `exact`: float32 or half-precision weights by name, if the network's own are bfloat16; otherwise empty.
  /// `offload`: the original weights wait on the CPU, and `learned` returns its copies there.
  TrainableParameters(torch::nn::Module& network, const Selector& learns, const StateDict& exact = {},
                      bool offload = false);

  ParameterGroup group(double lr) const;
  /// Returns the current copies by name, float32.
  StateDict learned() const;

 private:
  bool offload_;
  StateDict parameters_;
  std::unique_ptr<SplitWeights> split_;
  ScopedParameters originals_;  // last member: restored before split_ is destroyed
};

}  // namespace forgedit
