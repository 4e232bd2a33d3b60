#pragma once

#include "forgedit/core/torch.h"

namespace forgedit::nn {

// The five layers that every network here consists of. Unlike LibTorch's own, they leave their parameters
// uninitialised: weights always come from a file or from a trainer, and sampling 860 M random numbers that
// are overwritten at once would take seconds. Parameter names are those of the checkpoints.

/// What a LoRA adds to a layer during training (arXiv 2106.09685): scale · (x downᵀ) upᵀ over the last
/// dimension. It is no parameter of the network: LoraAdapters sets it and removes it.
struct Adapter {
  torch::Tensor down, up;  ///< (rank, in) and (out, rank), of x's type; undefined: no adapter
  double scale = 1;

  bool defined() const { return down.defined(); }
  torch::Tensor operator()(const torch::Tensor& x) const;
};

/// y = x Wᵀ + b over the last dimension; weight (out, in).
class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias = true);
  torch::Tensor forward(const torch::Tensor& x) const;
  /// Returns y plus the adapter's term, if there is an adapter. The caller has computed y from x with these
  /// weights.
  torch::Tensor adapted(const torch::Tensor& y, const torch::Tensor& x) const;
  torch::Tensor weight, bias;
  Adapter adapter;
};
TORCH_MODULE(Linear);

/// 2-D convolution; weight (out, in, kernel, kernel). Only a kernel of 1 can have an adapter.
class Conv2dImpl : public torch::nn::Module {
 public:
  Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel,
             std::int64_t stride = 1, std::int64_t padding = 0);
  torch::Tensor forward(const torch::Tensor& x) const;
  torch::Tensor weight, bias;
  Adapter adapter;

 private:
  /// Computes the convolution without the adapter.
  torch::Tensor convolve(const torch::Tensor& x) const;

  std::int64_t stride_, padding_;
};
TORCH_MODULE(Conv2d);

class GroupNormImpl : public torch::nn::Module {
 public:
  GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps);
  torch::Tensor forward(const torch::Tensor& x) const;
  torch::Tensor weight, bias;
  std::int64_t groups() const { return groups_; }
  double eps() const { return eps_; }

 private:
  std::int64_t groups_;
  double eps_;
};
TORCH_MODULE(GroupNorm);

class LayerNormImpl : public torch::nn::Module {
 public:
  explicit LayerNormImpl(std::int64_t features, double eps = 1e-5);
  torch::Tensor forward(const torch::Tensor& x) const;
  torch::Tensor weight, bias;
  double eps() const { return eps_; }

 private:
  double eps_;
};
TORCH_MODULE(LayerNorm);

/// Looks up rows of weight (count, features) by index.
class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(std::int64_t count, std::int64_t features);
  torch::Tensor forward(const torch::Tensor& ids) const;
  torch::Tensor weight;
};
TORCH_MODULE(Embedding);

/// Returns the adapter member of a linear layer or a convolution; null for other modules.
Adapter* adapter_of(torch::nn::Module& module);

/// Makes 4-D parameters channels-last, which makes the activations channels-last too. Convolutions are then
/// faster on CPUs and GPUs.
void use_channels_last(torch::nn::Module& module);

}  // namespace forgedit::nn
