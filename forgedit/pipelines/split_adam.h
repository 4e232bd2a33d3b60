#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"

namespace forgedit {

/// Float32 weights of bfloat16 parameters on a GPU, kept in two halves of 16 bits: the parameters themselves,
/// rounded, and beside them what rounding took off. Together exact, and no third copy. While this lives the
/// parameters are views of one vector; what they held before is the caller's to put back.
class SplitWeights {
 public:
  /// `values`: float32, one a parameter and of its shape, on any device. From the CPU they come in the
  /// background; until `settle` the parameters are as they were, and the values take memory of their own.
  SplitWeights(std::vector<torch::Tensor> parameters, const std::vector<torch::Tensor>& values);

  /// Waits for the values and takes them over; nothing when that was done. Nothing may be recorded before.
  void settle();
  /// Float32 in the parameters' shapes and on their device; views of one vector.
  std::vector<torch::Tensor> values();
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }

 private:
  friend class SplitAdam;
  std::vector<torch::Tensor> parameters_;
  std::vector<std::int64_t> offsets_;  // of each parameter in the vectors below
  torch::Tensor high_, low_;           // bfloat16 and int16
  torch::Tensor values_;               // float32, until `settle`
  std::vector<torch::Tensor> sources_;
  std::unique_ptr<cuda::Upload> upload_;
};

/// Adam (arXiv 1412.6980) over all of a SplitWeights in one kernel. Gradients are the parameters' own,
/// bfloat16.
class SplitAdam {
 public:
  SplitAdam(SplitWeights& weights, double lr, double beta1, double beta2, double eps);
  void zero_grad();
  void settle() { weights_.settle(); }
  void step();

 private:
  /// The kernel's table of gradients; they stay where they are once a step is recorded, so it is rarely made.
  void point_at_gradients();

  SplitWeights& weights_;
  double lr_, beta1_, beta2_, eps_;
  std::int64_t steps_ = 0;
  torch::Tensor exp_avg_, exp_avg_sq_;  // from the first step on
  std::vector<torch::Tensor> gradients_;
  std::vector<kernels::AdamChunk> chunks_;
  torch::Tensor table_;
};

}  // namespace forgedit
