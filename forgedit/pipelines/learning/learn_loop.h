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

/// Leaf tensors that learn at one rate.
struct ParameterGroup {
  std::vector<torch::Tensor> parameters;
  double lr = 0;
  SplitWeights* split = nullptr;  ///< the float32 weights of bfloat16 parameters
  bool network = false;           ///< whether 8-bit Adam, where it is wanted, is for these too
};

/// Noisy latents (batch, 4, h, w) and their timesteps (batch) -> the noise that the network sees in them, or
/// the velocity.
using NoisePredictor =
    std::function<torch::Tensor(const torch::Tensor& noisy_latents, const torch::Tensor& timesteps)>;

/// Steps of one Adam over the same parameters. Gradients are on only while the phase runs.
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

/// What all phases share: the network and the picture.
struct LearnTask {
  torch::Tensor latents;  ///< (1, 4, h, w), scaled
  NoisePredictor predict;
  AdamSettings adam;
  EarlyStop stop;
  ComputePolicy policy;
  MemoryPlan memory;
  bool fast = false;             ///< see LearnOptions
  double stop_known = 0;         ///< see LearnOptions; asked for in the last phase
  double lr_decay = 0;           ///< see LearnOptions; of each phase
  double snr_gamma = 0;          ///< see LearnOptions
  NoiseScheduleOptions noise{};  ///< of the model
  std::int64_t step_bytes = 0;   ///< that a step takes at least on its way, where known
};

/// Steps between two tests of the known share; a test costs a third of a step.
inline constexpr std::int64_t kStepsBetweenLooks = 10;

/// Runs the phases one after the other. The result has the loss of every step (the mean square error of the
/// prediction), what was known at each look, and how learning ended; the caller adds what was learned.
/// `batches` and `progress` count steps over all phases. Throws Error when a loss is not finite.
LearnResult run_learn_loop(const LearnTask& task, const std::vector<LearnPhase>& phases,
                           const LearnBatches& batches, const ProgressCallback& progress);

/// Where the original weights are while copies of them are trained.
enum class Originals {
  stay,     ///< where they are
  on_cpu,   ///< copied to the CPU, as what was learned is: both come back into the tensors on the device
  released  ///< gone: at the end the network has the float32 ones, on the CPU, in their place
};

/// Replaces the trained parameters of a network by copies while this lives. A network that computes in
/// bfloat16 is trained on separate float32 weights.
class TrainableParameters {
 public:
  using Selector = std::function<bool(const std::string& name)>;

  /// `float32`: the weights by name where the network's own are bfloat16; only these can be released.
  TrainableParameters(torch::nn::Module& network, const Selector& learns, const StateDict& float32 = {},
                      Originals originals = Originals::stay);

  ParameterGroup group(double lr) const;
  /// The copies as they stand, by name, float32.
  StateDict learned() const;

 private:
  bool offload_;
  StateDict parameters_;
  std::unique_ptr<SplitWeights> split_;
  ScopedParameters originals_;  // last: put back before the split weights go
};

}  // namespace forgedit
