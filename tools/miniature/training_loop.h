#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/miniature/flat_adamw.h"
#include "tools/miniature/recipe.h"

namespace forgedit::miniature {

/// Called now and then with the averaged weights in place, to save and to draw.
using Checkpoint = std::function<void(std::int64_t step, double seconds)>;

/// A copy of the networks on one device, with its share of every batch.
struct Replica {
  c10::Device device;
  std::unique_ptr<FlatAdamW> optimizer;
  std::function<void()> next_batch;     ///< writes into tensors that stay where they are
  std::function<torch::Tensor()> loss;  ///< of that batch; must not look at values on the host
};

/// What differs between the networks in training.
struct TrainingTask {
  std::string name;               ///< in the log
  std::vector<Replica> replicas;  ///< one a device, all with the same weights; gradients are averaged
  double checkpoint_seconds = 0;  ///< 0: never
  Checkpoint checkpoint;
};

/// Steps until the clock of `options` has run out: batch, loss, backward, update; on a GPU the middle two as
/// one recorded launch. Logs the running loss. The first replica has the averaged weights afterwards.
void run_training(const TrainOptions& options, const TrainingTask& task);

/// The task of a network on one device.
TrainingTask single_task(std::string name, Replica replica);

/// bfloat16 on a GPU, float32 elsewhere.
at::ScalarType compute_type(const c10::Device& device);

}  // namespace forgedit::miniature
