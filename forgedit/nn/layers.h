#pragma once

#include "forgedit/core/torch.h"

namespace forgedit::nn {

// The five layers that every network here is made of. Unlike LibTorch's own they leave their parameters
// uninitialised: weights always come from a file (or from a trainer), and sampling 860 M random numbers only
// to overwrite them takes seconds. Parameter names are the checkpoints'.

/// What a LoRA adds to a layer while it learns (arXiv 2106.09685): scale · (x downᵀ) upᵀ over the last
/// dimension. No parameter of the network: who puts it there (LoraAdapters) takes it away again.
struct Adapter {
  torch::Tensor down, up;  ///< (rank, in) and (out, rank), of x's type; undefined: there is none
  double scale = 1;

  bool defined() const { return down.defined(); }
  torch::Tensor operator()(const torch::Tensor& x) const;
};

/// y = x Wᵀ + b over the last dimension; weight (out, in).
class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias = true);
  torch::Tensor forward(const torch::Tensor& x) const;
  /// y, which somebody else computed of x with these weights, and what the adapter adds where there is one.
  torch::Tensor adapted(const torch::Tensor& y, const torch::Tensor& x) const;
  torch::Tensor weight, bias;
  Adapter adapter;
};
TORCH_MODULE(Linear);

/// 2-D convolution; weight (out, in, kernel, kernel). An adapter is for a kernel of 1 alone.
class Conv2dImpl : public torch::nn::Module {
 public:
  Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel,
             std::int64_t stride = 1, std::int64_t padding = 0);
  torch::Tensor forward(const torch::Tensor& x) const;
  torch::Tensor weight, bias;
  Adapter adapter;

 private:
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

/// Rows of weight (count, features) by index.
class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(std::int64_t count, std::int64_t features);
  torch::Tensor forward(const torch::Tensor& ids) const;
  torch::Tensor weight;
};
TORCH_MODULE(Embedding);

/// The place for an adapter in a linear layer or a convolution; null in other modules.
Adapter* adapter_of(torch::nn::Module& module);

/// Lays 4-D parameters and later activations out channels-last, which CPU and GPU convolutions prefer.
void use_channels_last(torch::nn::Module& module);

}  // namespace forgedit::nn
