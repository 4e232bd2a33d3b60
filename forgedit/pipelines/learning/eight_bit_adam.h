#pragma once

#include <vector>

#include "forgedit/core/torch.h"
#include "forgedit/device/kernels.h"

namespace forgedit {

/// Adam over float32 parameters on a CPU, with averages stored in 8 bits (device/adam_codes.h). On a GPU
/// SplitAdam does the same.
class EightBitAdam {
 public:
  EightBitAdam(std::vector<torch::Tensor> parameters, double lr, double beta1, double beta2, double eps);
  /// Sets the learning rate. `step` uses the parameters' gradients, and leaves parameters without one
  /// unchanged.
  void set_lr(double lr) { lr_ = lr; }
  void step();

 private:
  struct State {
    torch::Tensor exp_avg, exp_avg_sq;  ///< int8 and uint8, one per value
    torch::Tensor scales;               ///< (blocks, 2)
  };

  std::vector<torch::Tensor> parameters_;
  std::vector<State> states_;
  double lr_, beta1_, beta2_, eps_;
  std::int64_t steps_ = 0;
};

}  // namespace forgedit
