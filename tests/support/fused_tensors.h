#pragma once

#include "forgedit/core/torch.h"

// What tests of fused kernels share. They need a GPU.
namespace forgedit::nn {

using torch::Tensor;

constexpr double kTolerance = 0.01;  // bfloat16 rounds at 0.004

inline Tensor random(at::IntArrayRef shape, double offset = 0.0) {
  const auto x = (torch::randn(shape, torch::kCUDA) + offset).to(torch::kBFloat16);
  return shape.size() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

inline double difference(const Tensor& found, const Tensor& expected) {
  return ((found.to(torch::kFloat) - expected).norm() / expected.norm()).item<double>();
}

}  // namespace forgedit::nn
