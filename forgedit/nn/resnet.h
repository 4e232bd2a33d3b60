#pragma once

#include "forgedit/nn/fused.h"
#include "forgedit/nn/layers.h"

namespace forgedit::nn {

/// Sizes of one residual block.
struct ResnetOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t time_features = 0;  ///< 0: no time embedding (VAE)
  std::int64_t norm_groups = 32;
  double eps = 1e-5;
};

/// ResnetBlock2D of diffusers' models/resnet.py: norm1, SiLU, conv1, + time, norm2, SiLU, conv2, + input.
class ResnetBlock2DImpl : public torch::nn::Module {
 public:
  explicit ResnetBlock2DImpl(const ResnetOptions& options);
  /// x (batch, in_channels, height, width). `time_embedding` (batch, time_features), or undefined.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& time_embedding = {});
  /// The same for inputs that `uses_sums`: takes x's sums, and adds those for a group norm after it. Other
  /// inputs go to `forward`.
  fused::SummedMap forward_summed(const fused::SummedMap& x, const torch::Tensor& time_embedding);
  /// Whether the block computes with sums for inputs with x's batch and size (fused::adds_in_conv).
  bool uses_sums(const torch::Tensor& x) const;
  std::int64_t norm_groups() const { return norm1->groups(); }

  /// The term that fused kernels add between the convolutions: the projected time embedding plus conv1's bias
  /// (batch or more, out_channels). PrecomputedScope sets it; if it is undefined, the block computes the
  /// term.
  torch::Tensor precomputed_addend;
  const Conv2dImpl& first_conv() const { return *conv1; }
  const LinearImpl& time_projection() const { return *time_emb_proj; }

 private:
  torch::Tensor forward_fused(const torch::Tensor& x, const torch::Tensor& time_embedding);
  /// The biases that are added together with the residual.
  torch::Tensor residual_bias() const;
  torch::Tensor residual_of(const torch::Tensor& x) const;
  /// precomputed_addend for the first `rows` rows, or the term itself.
  torch::Tensor addend_of(std::int64_t rows, const torch::Tensor& time_embedding);

  GroupNorm norm1;
  Conv2d conv1;
  Linear time_emb_proj{nullptr};
  GroupNorm norm2;
  Conv2d conv2;
  Conv2d conv_shortcut{nullptr};
};
TORCH_MODULE(ResnetBlock2D);

/// The strided convolution `conv`. The VAE pads right and bottom only (`asymmetric`), the UNet all sides.
class Downsample2DImpl : public torch::nn::Module {
 public:
  Downsample2DImpl(std::int64_t channels, bool asymmetric);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  bool asymmetric_;
  Conv2d conv;
};
TORCH_MODULE(Downsample2D);

/// Nearest-neighbour upsampling to height x width, then `conv`.
class Upsample2DImpl : public torch::nn::Module {
 public:
  explicit Upsample2DImpl(std::int64_t channels);
  torch::Tensor forward(const torch::Tensor& x, std::int64_t height, std::int64_t width);

  /// Returns the weights that fused kernels convolve with (fused::upsample_weight). `precomputed_weight` is
  /// the same value, set by PrecomputedScope, or undefined.
  torch::Tensor fused_weight();
  torch::Tensor precomputed_weight;

 private:
  Conv2d conv;
};
TORCH_MODULE(Upsample2D);

}  // namespace forgedit::nn
