#pragma once

#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/core/torch.h"

namespace forgedit::miniature {

/// AdamW and an exponential moving average over all parameters of some modules as one vector: a handful of
/// kernels a step, whatever the number of layers. The modules compute in `dtype`; master weights are float32.
class FlatAdamW {
 public:
  FlatAdamW(const std::vector<torch::nn::Module*>& modules, at::ScalarType dtype, double weight_decay,
            double ema_decay);

  void zero_grad();
  /// Gives all of them, on whatever devices, the mean of their gradients.
  static void average_gradients(const std::vector<FlatAdamW*>& replicas);
  /// One update from the modules' gradients, clipped to norm 1. A step whose gradient is not finite changes
  /// nothing.
  void step(double lr);

  /// Puts the averaged weights (float32) into the modules, for saving and drawing.
  void load_average();
  /// Back to the weights in training.
  void load_training();
  std::int64_t parameter_count() const { return master_.numel(); }

 private:
  void point_parameters_at(const torch::Tensor& flat);

  std::vector<torch::Tensor> parameters_;
  double weight_decay_, ema_decay_;
  std::int64_t steps_ = 0;
  torch::Tensor master_, exp_avg_, exp_avg_sq_, average_, working_, gradient_;
};

}  // namespace forgedit::miniature
