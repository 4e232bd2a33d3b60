#pragma once

#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/nn/layers.h"

namespace forgedit {

enum class LpipsTrunk { alex, vgg };

/// Reads "alex" or "vgg", the names of the lpips package. Throws a usage Error for other names.
LpipsTrunk parse_lpips_trunk(const std::string& name);
const char* lpips_trunk_name(LpipsTrunk trunk);

/// Learned perceptual distance LPIPS (arXiv 1801.03924), version 0.1 of the lpips package. The trunk has
/// torchvision's names (`features.N`, AlexNet or VGG16), the heads those of the package (`linK.model.1`).
class LpipsImpl : public torch::nn::Module {
 public:
  explicit LpipsImpl(LpipsTrunk trunk);
  /// a, b (batch, 3, height, width) in [-1, 1] -> distances (batch). Throws a usage Error for different
  /// shapes and for sides under `min_side`.
  torch::Tensor forward(const torch::Tensor& a, const torch::Tensor& b);
  std::int64_t min_side() const;

 private:
  /// The trunk's features after each of its five stages.
  std::vector<torch::Tensor> stages(const torch::Tensor& picture);

  LpipsTrunk trunk_;
  std::vector<nn::Conv2d> convolutions_;
  std::vector<torch::Tensor> heads_;
};
TORCH_MODULE(Lpips);

}  // namespace forgedit
