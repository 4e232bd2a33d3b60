#include "forgedit/pipelines/learning/eight_bit_adam.h"

#include <algorithm>

#include "forgedit/core/parallel.h"
#include "forgedit/device/adam_codes.h"

namespace forgedit {
namespace {

using kernels::kAdamBlock;

/// One block of at most kAdamBlock values; `first` is its place in the parameter.
struct Block {
  float* weight;
  const float* gradient;
  std::int8_t* exp_avg;
  std::uint8_t* exp_avg_sq;
  float* scales;
  std::int64_t first, count;

  void update(const kernels::AdamStep& s, std::uint32_t step) const {
    float m[kAdamBlock], v[kAdamBlock];
    float largest_m = 0, largest_v = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      m[i] = kernels::decode_average(exp_avg[i], scales[0]);
      v[i] = kernels::decode_square_average(exp_avg_sq[i], scales[1]);
      weight[i] = kernels::adam_updated(weight[i], gradient[i], m[i], v[i], s);
      largest_m = std::max(largest_m, std::abs(m[i]));
      largest_v = std::max(largest_v, v[i]);
    }
    scales[0] = largest_m;
    scales[1] = largest_v;
    const float inverse_m = kernels::inverse_scale(largest_m), inverse_v = kernels::inverse_scale(largest_v);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto place = static_cast<std::uint32_t>(2 * (first + i));
      exp_avg[i] = kernels::encode_average(m[i], inverse_m, kernels::adam_dither(place, step));
      exp_avg_sq[i] = kernels::encode_square_average(v[i], inverse_v, kernels::adam_dither(place + 1, step));
    }
  }
};

}  // namespace

EightBitAdam::EightBitAdam(std::vector<torch::Tensor> parameters, double lr, double beta1, double beta2,
                           double eps)
    : parameters_(std::move(parameters)), lr_(lr), beta1_(beta1), beta2_(beta2), eps_(eps) {
  for (const auto& parameter : parameters_) {
    const auto count = parameter.numel(), blocks = (count + kAdamBlock - 1) / kAdamBlock;
    states_.push_back({torch::zeros({count}, torch::kChar), torch::zeros({count}, torch::kByte),
                       torch::zeros({blocks, 2})});
  }
}

void EightBitAdam::step() {
  torch::NoGradGuard no_grad;
  const auto settings = kernels::adam_step_of(++steps_, lr_, beta1_, beta2_, eps_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& parameter = parameters_[i];
    if (!parameter.grad().defined()) continue;
    // Uses the memory order of the parameter.
    const auto gradient = torch::empty_like(parameter).copy_(parameter.grad());
    auto* weight = parameter.data_ptr<float>();
    const auto* from = gradient.data_ptr<float>();
    auto* exp_avg = states_[i].exp_avg.data_ptr<std::int8_t>();
    auto* exp_avg_sq = states_[i].exp_avg_sq.data_ptr<std::uint8_t>();
    auto* scales = states_[i].scales.data_ptr<float>();
    parallel_for(states_[i].scales.size(0), 64, [&](std::int64_t begin, std::int64_t end) {
      for (auto block = begin; block < end; ++block) {
        const auto first = block * kAdamBlock;
        Block{weight + first,
              from + first,
              exp_avg + first,
              exp_avg_sq + first,
              scales + 2 * block,
              first,
              std::min(kAdamBlock, parameter.numel() - first)}
            .update(settings, static_cast<std::uint32_t>(steps_));
      }
    });
  }
}

}  // namespace forgedit
