#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "forgedit/core/torch.h"
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
  /// `one_by_one`: at once and without that memory, but waited for.
  SplitWeights(std::vector<torch::Tensor> parameters, const std::vector<torch::Tensor>& values,
               bool one_by_one = false);

  /// Waits for the values and takes them over; nothing when that was done. Nothing may be recorded before.
  void settle();
  /// Float32 in the parameters' shapes: on their device views of one vector, elsewhere one after the other.
  std::vector<torch::Tensor> values(std::optional<c10::Device> elsewhere = {});
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }

 private:
  friend class SplitAdam;
  /// Both halves of a parameter from its float32 values on the device, dense in their own order.
  void split(std::size_t parameter, const float* values);

  std::vector<torch::Tensor> parameters_;
  std::vector<std::int64_t> offsets_;  // of each parameter in the vectors below
  torch::Tensor high_, low_;           // bfloat16 and int16
  torch::Tensor values_;               // float32, until `settle`
  std::vector<torch::Tensor> sources_;
  std::unique_ptr<cuda::Upload> upload_;
};

/// How Adam uses memory.
struct AdamMemory {
  bool eight_bit = false;       ///< averages of a byte each (device/adam_codes.h) instead of float32
  bool keep_gradients = false;  ///< zero_grad sets them to zero instead of leaving them to be made again
};

/// Adam (arXiv 1412.6980) over all of a SplitWeights in one kernel. Gradients are the parameters' own,
/// bfloat16.
class SplitAdam {
 public:
  SplitAdam(SplitWeights& weights, double lr, double beta1, double beta2, double eps,
            const AdamMemory& memory = {});
  void zero_grad();
  void settle() { weights_.settle(); }
  void set_lr(double lr) { lr_ = lr; }
  void step();

 private:
  /// The kernel's table of gradients; they stay where they are once a step is recorded, so it is rarely made.
  void point_at_gradients();
  bool points_at_gradients() const;
  void make_averages();

  SplitWeights& weights_;
  double lr_, beta1_, beta2_, eps_;
  std::int64_t steps_ = 0;
  torch::Tensor exp_avg_, exp_avg_sq_;  // float32; with 8 bits int8 and uint8
  torch::Tensor scales_;                // with 8 bits: (blocks, 2)
  AdamMemory memory_;
  torch::Tensor kept_gradients_;  // as the flat weights; undefined unless gradients are kept
  std::vector<torch::Tensor> gradients_;
  std::vector<kernels::AdamChunk> chunks_;
  torch::Tensor table_;
};

}  // namespace forgedit
