#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "forgedit/core/torch.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"

namespace forgedit {

/// Float32 weights of bfloat16 parameters on a GPU, stored in two halves of 16 bits: the rounded parameters
/// themselves, and the remainder of rounding. Together they are exact, without a third copy. While this
/// lives, the parameters are views of one vector; the caller restores their earlier values.
class SplitWeights {
 public:
  /// `values`: float32 or half precision, one for each parameter and of its shape, on any device. Values on
  /// the CPU are uploaded in the background; until `settle` the parameters have their old values, and the
  /// uploaded ones take extra memory. `one_by_one`: waits for the upload, and needs no extra memory.
  SplitWeights(std::vector<torch::Tensor> parameters, const std::vector<torch::Tensor>& values,
               bool one_by_one = false);

  /// Waits for the upload and uses the values; does nothing the second time.
  void settle();
  /// Returns float32 values in the shapes of the parameters: on their device as views of one vector, on
  /// another device copied one after the other.
  std::vector<torch::Tensor> values(std::optional<c10::Device> elsewhere = {});
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }

 private:
  friend class SplitAdam;
  /// Sets both halves of a parameter from its float32 values on the device, dense in the order of their
  /// dimensions.
  void split(std::size_t parameter, const float* values);

  std::vector<torch::Tensor> parameters_;
  std::vector<std::int64_t> offsets_;  // offset of each parameter in the vectors below
  torch::Tensor high_, low_;           // bfloat16 and int16
  std::vector<torch::Tensor> values_;  // on the device, parts of one block of memory, until `settle`
  std::vector<torch::Tensor> sources_;
  std::unique_ptr<cuda::Upload> upload_;
};

/// Settings of Adam's memory.
struct AdamMemory {
  bool eight_bit = false;       ///< averages in 8 bits (device/adam_codes.h) instead of bfloat16
  bool keep_gradients = false;  ///< zero_grad sets them to zero instead of freeing them
};

/// Adam (arXiv 1412.6980) over all parameters of a SplitWeights in one kernel, with their bfloat16 gradients.
class SplitAdam {
 public:
  SplitAdam(SplitWeights& weights, double lr, double beta1, double beta2, double eps,
            const AdamMemory& memory = {});
  void zero_grad();
  void set_lr(double lr) { lr_ = lr; }
  void step();

 private:
  /// Builds the kernel's table of gradient addresses. They do not change once a step is recorded, so this is
  /// rare.
  void point_at_gradients();
  bool points_at_gradients() const;
  void make_averages();

  SplitWeights& weights_;
  double lr_, beta1_, beta2_, eps_;
  std::int64_t steps_ = 0;
  torch::Tensor exp_avg_, exp_avg_sq_;  // bfloat16; with 8 bits int8 and uint8
  torch::Tensor scales_;                // with 8 bits: (blocks, 2)
  AdamMemory memory_;
  torch::Tensor kept_gradients_;  // flat, like the weights; undefined unless gradients are kept
  std::vector<torch::Tensor> gradients_;
  std::vector<kernels::AdamChunk> chunks_;
  torch::Tensor table_;
};

}  // namespace forgedit
