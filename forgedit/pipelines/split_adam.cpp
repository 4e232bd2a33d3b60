#include "forgedit/pipelines/split_adam.h"

#include <cmath>
#include <cstring>

#include "forgedit/device/cuda_bridge.h"

namespace forgedit {
namespace {

/// The part of `flat` from `offset` in the shape of `like`; maps channels-last, as convolutions want them.
torch::Tensor view_of(const torch::Tensor& flat, std::int64_t offset, const torch::Tensor& like) {
  const auto part = flat.narrow(0, offset, like.numel());
  if (like.dim() != 4) return part.view(like.sizes());
  return part.view({like.size(0), like.size(2), like.size(3), like.size(1)}).permute({0, 3, 1, 2});
}

/// Every parameter starts on 16 bytes.
std::int64_t padded(std::int64_t count) {
  return (count + kernels::kVector - 1) / kernels::kVector * kernels::kVector;
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
  const auto options = torch::dtype(torch::kBFloat16).device(parameters_.front().device());
  high_ = torch::zeros({total}, options);
  low_ = torch::zeros({total}, options.dtype(torch::kShort));
  values_ = torch::empty({total}, options.dtype(torch::kFloat));
  std::vector<cuda::Upload::Piece> pieces;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto part = view_of(high_, offsets_[i], parameters_[i]);
    part.copy_(parameters_[i]);
    parameters_[i].set_data(part);
    const auto place = values_.narrow(0, offsets_[i], values[i].numel()).view(values[i].sizes());
    if (values[i].is_cpu() && values[i].scalar_type() == torch::kFloat && values[i].is_contiguous()) {
      sources_.push_back(values[i]);
      pieces.push_back({values[i].data_ptr(), place.data_ptr(), values[i].nbytes()});
    } else {
      place.copy_(values[i]);
    }
  }
  upload_ = std::make_unique<cuda::Upload>(high_.get_device(), pieces);
}

void SplitWeights::settle() {
  if (!upload_) return;
  upload_->finish();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& like = parameters_[i];
    const auto pixels = like.dim() == 4 ? like.size(2) * like.size(3) : 1;
    const auto channels = like.dim() == 4 ? like.size(1) : like.numel();
    kernels::split_weights(
        like.numel() / (channels * pixels), channels, pixels, values_.data_ptr<float>() + offsets_[i],
        static_cast<kernels::Bf16*>(high_.data_ptr()) + offsets_[i],
        low_.data_ptr<std::int16_t>() + offsets_[i], cuda::current_stream(high_.get_device()));
  }
  upload_.reset();
  values_ = torch::Tensor();
  sources_.clear();
}

std::vector<torch::Tensor> SplitWeights::values() {
  torch::NoGradGuard no_grad;
  settle();
  auto bits = high_.view(torch::kShort).to(torch::kInt);
  bits.bitwise_left_shift_(16).add_(low_);
  const auto all = bits.view(torch::kFloat);
  std::vector<torch::Tensor> result;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    result.push_back(view_of(all, offsets_[i], parameters_[i]));
  }
  return result;
}

SplitAdam::SplitAdam(SplitWeights& weights, double lr, double beta1, double beta2, double eps)
    : weights_(weights), lr_(lr), beta1_(beta1), beta2_(beta2), eps_(eps) {}

void SplitAdam::zero_grad() {
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
  weights_.settle();
  if (steps_ == 0) {
    // Only now: until the weights are settled their values lie where this may lie afterwards.
    exp_avg_ = torch::zeros(weights_.high_.sizes(), weights_.high_.options().dtype(torch::kFloat));
    exp_avg_sq_ = torch::zeros_like(exp_avg_);
  }
  ++steps_;
  point_at_gradients();
  kernels::AdamStep step;
  step.lr = static_cast<float>(lr_);
  step.beta1 = static_cast<float>(beta1_);
  step.beta2 = static_cast<float>(beta2_);
  step.eps = static_cast<float>(eps_);
  step.correction1 = static_cast<float>(1.0 - std::pow(beta1_, steps_));
  step.correction2 = static_cast<float>(1.0 - std::pow(beta2_, steps_));
  kernels::adam_step(static_cast<const kernels::AdamChunk*>(table_.data_ptr()),
                     static_cast<std::int64_t>(chunks_.size()),
                     static_cast<kernels::Bf16*>(weights_.high_.data_ptr()),
                     static_cast<std::int16_t*>(weights_.low_.data_ptr()), exp_avg_.data_ptr<float>(),
                     exp_avg_sq_.data_ptr<float>(), step, cuda::current_stream(table_.get_device()));
}

}  // namespace forgedit
