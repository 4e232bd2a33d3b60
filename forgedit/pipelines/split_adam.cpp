#include "forgedit/pipelines/split_adam.h"

#include <cstring>

#include "forgedit/device/adam_codes.h"
#include "forgedit/device/cuda_bridge.h"

namespace forgedit {
namespace {

/// The part of `flat` from `offset` in the shape of `like`; maps channels-last, as convolutions want them.
torch::Tensor view_of(const torch::Tensor& flat, std::int64_t offset, const torch::Tensor& like) {
  const auto part = flat.narrow(0, offset, like.numel());
  if (like.dim() != 4) return part.view(like.sizes());
  return part.view({like.size(0), like.size(2), like.size(3), like.size(1)}).permute({0, 3, 1, 2});
}

/// Every parameter starts on a block of 8-bit averages, and so on 16 bytes.
std::int64_t padded(std::int64_t count) {
  return (count + kernels::kAdamBlock - 1) / kernels::kAdamBlock * kernels::kAdamBlock;
}

}  // namespace

SplitWeights::SplitWeights(std::vector<torch::Tensor> parameters, const std::vector<torch::Tensor>& values)
    : parameters_(std::move(parameters)) {
  torch::NoGradGuard no_grad;
  std::int64_t total = 0;
  for (const auto& parameter : parameters_) {
    offsets_.push_back(total);
    total += padded(parameter.numel());
  }
  const auto options = torch::dtype(torch::kShort).device(parameters_.front().device());
  auto high = torch::zeros({total}, options);
  low_ = torch::zeros({total}, options);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto value = values[i].to(options.device(), torch::kFloat);
    const auto bits = torch::empty_like(value, at::MemoryFormat::Contiguous).copy_(value).view(torch::kInt);
    // Half up, as the kernel does it: then the rest fits 16 bits with a sign.
    const auto rounded = (bits + 0x8000).bitwise_right_shift(16);
    view_of(high, offsets_[i], parameters_[i]).copy_(rounded);
    view_of(low_, offsets_[i], parameters_[i]).copy_(bits - rounded.bitwise_left_shift(16));
  }
  high_ = high.view(torch::kBFloat16);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].set_data(view_of(high_, offsets_[i], parameters_[i]));
  }
}

std::vector<torch::Tensor> SplitWeights::values(const c10::Device& device) const {
  torch::NoGradGuard no_grad;
  const auto high = high_.view(torch::kShort);
  std::vector<torch::Tensor> result;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto bits = view_of(high, offsets_[i], parameters_[i]).to(torch::kInt).bitwise_left_shift(16) +
                      view_of(low_, offsets_[i], parameters_[i]).to(torch::kInt);
    result.push_back(bits.view(torch::kFloat).to(device));
  }
  return result;
}

SplitAdam::SplitAdam(SplitWeights& weights, double lr, double beta1, double beta2, double eps,
                     const AdamMemory& memory)
    : weights_(weights), lr_(lr), beta1_(beta1), beta2_(beta2), eps_(eps) {
  const auto zeros = [&](std::int64_t count, at::ScalarType type) {
    return torch::zeros({count}, weights.high_.options().dtype(type));
  };
  const auto count = weights.high_.numel();
  exp_avg_ = zeros(count, memory.eight_bit ? torch::kChar : torch::kFloat);
  exp_avg_sq_ = zeros(count, memory.eight_bit ? torch::kByte : torch::kFloat);
  if (memory.eight_bit) scales_ = zeros(count / kernels::kAdamBlock * 2, torch::kFloat);
  if (!memory.keep_gradients) return;
  kept_gradients_ = zeros(count, torch::kBFloat16);
  for (std::size_t i = 0; i < weights_.parameters_.size(); ++i) {
    auto& parameter = weights_.parameters_[i];
    parameter.mutable_grad() = view_of(kept_gradients_, weights_.offsets_[i], parameter);
  }
}

void SplitAdam::zero_grad() {
  if (kept_gradients_.defined()) {
    kept_gradients_.zero_();
    return;
  }
  gradients_.clear();
  for (auto& parameter : weights_.parameters_) parameter.mutable_grad() = torch::Tensor();
}

void SplitAdam::point_at_gradients() {
  std::vector<kernels::AdamChunk> chunks;
  gradients_.clear();
  for (std::size_t i = 0; i < weights_.parameters_.size(); ++i) {
    const auto& parameter = weights_.parameters_[i];
    if (!parameter.grad().defined()) continue;  // outside of what the loss depends on
    const auto gradient = parameter.dim() == 4 ? parameter.grad().contiguous(at::MemoryFormat::ChannelsLast)
                                               : parameter.grad().contiguous();
    gradients_.push_back(gradient);
    const auto* data = static_cast<const kernels::Bf16*>(gradient.data_ptr());
    for (std::int64_t first = 0; first < gradient.numel(); first += kernels::kAdamChunk) {
      const auto count = std::min(kernels::kAdamChunk, gradient.numel() - first);
      chunks.push_back({data + first, weights_.offsets_[i] + first, count});
    }
  }
  const auto bytes = chunks.size() * sizeof(kernels::AdamChunk);
  if (chunks.size() == chunks_.size() && std::memcmp(chunks.data(), chunks_.data(), bytes) == 0) return;
  chunks_ = std::move(chunks);
  table_ = torch::from_blob(chunks_.data(), {static_cast<std::int64_t>(bytes)}, torch::kByte)
               .to(weights_.high_.device());
}

void SplitAdam::step() {
  ++steps_;
  point_at_gradients();
  const auto step = kernels::adam_step_of(steps_, lr_, beta1_, beta2_, eps_);
  const auto* chunks = static_cast<const kernels::AdamChunk*>(table_.data_ptr());
  const auto chunk_count = static_cast<std::int64_t>(chunks_.size());
  auto* high = static_cast<kernels::Bf16*>(weights_.high_.data_ptr());
  auto* low = static_cast<std::int16_t*>(weights_.low_.data_ptr());
  auto* stream = cuda::current_stream(table_.get_device());
  if (scales_.defined()) {
    const kernels::AdamCodes codes{exp_avg_.data_ptr<std::int8_t>(), exp_avg_sq_.data_ptr<std::uint8_t>(),
                                   scales_.data_ptr<float>()};
    kernels::adam_step_8bit(chunks, chunk_count, high, low, codes, step, static_cast<std::uint32_t>(steps_),
                            stream);
  } else {
    kernels::adam_step(chunks, chunk_count, high, low, exp_avg_.data_ptr<float>(),
                       exp_avg_sq_.data_ptr<float>(), step, stream);
  }
}

}  // namespace forgedit
