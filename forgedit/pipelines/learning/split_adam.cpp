#include "forgedit/pipelines/learning/split_adam.h"

#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/device/adam_codes.h"
#include "forgedit/device/cuda_bridge.h"

namespace forgedit {
namespace {

/// Returns the part of `flat` from `offset` in the shape of `like`. Weights of convolutions are
/// channels-last.
torch::Tensor view_of(const torch::Tensor& flat, std::int64_t offset, const torch::Tensor& like) {
  const auto part = flat.narrow(0, offset, like.numel());
  if (like.dim() != 4) return part.view(like.sizes());
  return part.view({like.size(0), like.size(2), like.size(3), like.size(1)}).permute({0, 3, 1, 2});
}

/// Rounds up so that every parameter starts at a block of 8-bit averages, and so is aligned to 16 bytes.
std::int64_t padded(std::int64_t count) {
  return (count + kernels::kAdamBlock - 1) / kernels::kAdamBlock * kernels::kAdamBlock;
}

/// Returns dense tensors on the device with the types and shapes of `tensors`, in one block of memory.
std::vector<torch::Tensor> empty_like_all(const std::vector<torch::Tensor>& tensors,
                                          const c10::Device& device) {
  constexpr std::int64_t kAlignment = 16;
  const auto bytes_of = [](const torch::Tensor& tensor) {
    return (static_cast<std::int64_t>(tensor.nbytes()) + kAlignment - 1) / kAlignment * kAlignment;
  };
  std::int64_t total = 0;
  for (const auto& tensor : tensors) total += bytes_of(tensor);
  const auto block = torch::empty({total}, torch::dtype(torch::kByte).device(device));
  std::vector<torch::Tensor> result;
  std::int64_t first = 0;
  for (const auto& tensor : tensors) {
    const auto part = block.narrow(0, first, static_cast<std::int64_t>(tensor.nbytes()));
    result.push_back(part.view(tensor.scalar_type()).view(tensor.sizes()));
    first += bytes_of(tensor);
  }
  return result;
}

}  // namespace

SplitWeights::SplitWeights(std::vector<torch::Tensor> parameters, const std::vector<torch::Tensor>& values,
                           bool one_by_one)
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
  if (!one_by_one) values_ = empty_like_all(values, options.device());
  std::vector<cuda::Upload::Piece> pieces;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto part = view_of(high_, offsets_[i], parameters_[i]);
    part.copy_(parameters_[i]);
    parameters_[i].set_data(part);
    if (one_by_one) {
      const auto value = values[i].to(options.device(), torch::kFloat).contiguous();
      split(i, value.data_ptr<float>());
      continue;
    }
    if (values[i].is_cpu() && values[i].is_contiguous()) {
      sources_.push_back(values[i]);
      pieces.push_back({values[i].data_ptr(), values_[i].data_ptr(), values[i].nbytes()});
    } else {
      values_[i].copy_(values[i]);
    }
  }
  if (one_by_one) return;
  // Freeing cached memory waits for the device, so it is done before the upload starts.
  cuda::empty_cache();
  upload_ = std::make_unique<cuda::Upload>(high_.get_device(), pieces);
}

void SplitWeights::split(std::size_t parameter, const float* values) {
  const auto& like = parameters_[parameter];
  const auto offset = offsets_[parameter];
  const auto pixels = like.dim() == 4 ? like.size(2) * like.size(3) : 1;
  const auto channels = like.dim() == 4 ? like.size(1) : like.numel();
  kernels::split_weights(like.numel() / (channels * pixels), channels, pixels, values,
                         static_cast<kernels::Bf16*>(high_.data_ptr()) + offset,
                         low_.data_ptr<std::int16_t>() + offset, cuda::current_stream(high_.get_device()));
}

void SplitWeights::settle() {
  if (!upload_) return;
  upload_->finish();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    split(i, values_[i].to(torch::kFloat).data_ptr<float>());
  }
  upload_.reset();
  values_.clear();
  sources_.clear();
}

std::vector<torch::Tensor> SplitWeights::values(std::optional<c10::Device> elsewhere) {
  torch::NoGradGuard no_grad;
  settle();
  const auto joined = [](const torch::Tensor& high, const torch::Tensor& low) {
    auto bits = high.view(torch::kShort).to(torch::kInt);
    bits.bitwise_left_shift_(16).add_(low);
    return bits.view(torch::kFloat);
  };
  std::vector<torch::Tensor> result;
  if (elsewhere) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto count = parameters_[i].numel();
      const auto own = joined(high_.narrow(0, offsets_[i], count), low_.narrow(0, offsets_[i], count));
      result.push_back(view_of(own.to(*elsewhere), 0, parameters_[i]));
    }
    return result;
  }
  const auto all = joined(high_, low_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    result.push_back(view_of(all, offsets_[i], parameters_[i]));
  }
  return result;
}

SplitAdam::SplitAdam(SplitWeights& weights, double lr, double beta1, double beta2, double eps,
                     const AdamMemory& memory)
    : weights_(weights), lr_(lr), beta1_(beta1), beta2_(beta2), eps_(eps), memory_(memory) {
  // The averages are allocated now, not later between blocks that the first step leaves behind, whose memory
  // could then not be freed. While values are being uploaded, though, they occupy that memory, or half of it.
  if (!weights_.upload_) make_averages();
  if (!memory.keep_gradients) return;
  kept_gradients_ = torch::zeros_like(weights.high_);
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

bool SplitAdam::points_at_gradients() const {
  std::size_t found = 0;
  for (const auto& parameter : weights_.parameters_) {
    const auto& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (found == gradients_.size() || !gradient.is_same(gradients_[found])) return false;
    ++found;
  }
  return found == gradients_.size();
}

void SplitAdam::point_at_gradients() {
  if (points_at_gradients()) return;  // a recorded step does not move them
  std::vector<kernels::AdamChunk> chunks;
  gradients_.clear();
  for (std::size_t i = 0; i < weights_.parameters_.size(); ++i) {
    const auto& parameter = weights_.parameters_[i];
    if (!parameter.grad().defined()) continue;  // the loss does not depend on it
    const auto gradient = parameter.dim() == 4 ? parameter.grad().contiguous(at::MemoryFormat::ChannelsLast)
                                               : parameter.grad().contiguous();
    gradients_.push_back(gradient);
    const auto* data = static_cast<const kernels::Bf16*>(gradient.data_ptr());
    if (reinterpret_cast<std::uintptr_t>(data) % 16 != 0) {
      throw failure("Adam: expected gradients aligned to 16 bytes");
    }
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

void SplitAdam::make_averages() {
  const auto zeros = [&](std::int64_t count, at::ScalarType type) {
    return torch::zeros({count}, weights_.high_.options().dtype(type));
  };
  const auto count = weights_.high_.numel();
  exp_avg_ = zeros(count, memory_.eight_bit ? torch::kChar : torch::kBFloat16);
  exp_avg_sq_ = zeros(count, memory_.eight_bit ? torch::kByte : torch::kBFloat16);
  if (memory_.eight_bit) scales_ = zeros(count / kernels::kAdamBlock * 2, torch::kFloat);
}

void SplitAdam::step() {
  weights_.settle();
  if (!exp_avg_.defined()) make_averages();
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
    const kernels::AdamAverages averages{static_cast<kernels::Bf16*>(exp_avg_.data_ptr()),
                                         static_cast<kernels::Bf16*>(exp_avg_sq_.data_ptr())};
    kernels::adam_step(chunks, chunk_count, high, low, averages, step, static_cast<std::uint32_t>(steps_),
                       stream);
  }
}

}  // namespace forgedit
