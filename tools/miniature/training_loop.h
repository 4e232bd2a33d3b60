#pragma once

#include <functional>
#include <string>

#include "tools/miniature/flat_adamw.h"
#include "tools/miniature/recipe.h"

namespace forgedit::miniature {

/// Called now and then with the averaged weights in place, to save and to draw.
using Checkpoint = std::function<void(std::int64_t step, double seconds)>;

/// What differs between the networks in training.
struct TrainingTask {
  std::string name;                     ///< in the log
  std::function<void()> next_batch;     ///< writes into tensors that stay where they are
  std::function<torch::Tensor()> loss;  ///< of that batch; must not look at values on the host
  double checkpoint_seconds = 0;        ///< 0: never
  Checkpoint checkpoint;
};

/// Steps until the clock of `options` has run out: batch, loss, backward, update; on a GPU the middle two as
/// one recorded launch. Logs the running loss. The averaged weights are in place afterwards.
void run_training(FlatAdamW& optimizer, const TrainOptions& options, const c10::Device& device,
                  const TrainingTask& task);

/// bfloat16 on a GPU, float32 elsewhere.
at::ScalarType compute_type(const c10::Device& device);

}  // namespace forgedit::miniature
