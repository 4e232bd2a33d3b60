#include "tools/miniature/flat_adamw.h"

#include <cmath>

namespace forgedit::miniature {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.99, kEps = 1e-8, kMaxNorm = 1.0;

/// The part of `flat` from `offset` in the shape of `like`; 4-D weights channels-last, as convolutions want
/// them.
torch::Tensor view_of(const torch::Tensor& flat, std::int64_t offset, const torch::Tensor& like) {
  const auto part = flat.narrow(0, offset, like.numel());
  if (like.dim() != 4) return part.view(like.sizes());
  return part.view({like.size(0), like.size(2), like.size(3), like.size(1)}).permute({0, 3, 1, 2});
}

}  // namespace

FlatAdamW::FlatAdamW(const std::vector<torch::nn::Module*>& modules, at::ScalarType dtype,
                     double weight_decay, double ema_decay)
    : weight_decay_(weight_decay), ema_decay_(ema_decay) {
  torch::NoGradGuard no_grad;
  std::int64_t total = 0;
  for (auto* module : modules) {
    for (auto& parameter : module->parameters()) {
      parameters_.push_back(parameter);
      total += (parameter.numel() + 7) / 8 * 8;  // each starts on 16 bytes even in bfloat16
    }
  }
  const auto device = parameters_.front().device();
  master_ = torch::zeros({total}, torch::dtype(torch::kFloat).device(device));
  std::int64_t offset = 0;
  for (auto& parameter : parameters_) {
    view_of(master_, offset, parameter).copy_(parameter);
    offset += (parameter.numel() + 7) / 8 * 8;
  }
  exp_avg_ = torch::zeros_like(master_);
  exp_avg_sq_ = torch::zeros_like(master_);
  average_ = master_.clone();
  working_ = master_.to(dtype, false, true);
  gradient_ = torch::zeros_like(working_);
  load_training();
}

void FlatAdamW::point_parameters_at(const torch::Tensor& flat) {
  torch::NoGradGuard no_grad;
  std::int64_t offset = 0;
  for (auto& parameter : parameters_) {
    parameter.mutable_grad() = torch::Tensor();
    parameter.set_data(view_of(flat, offset, parameter));
    if (flat.scalar_type() == gradient_.scalar_type() && parameter.requires_grad()) {
      parameter.mutable_grad() = view_of(gradient_, offset, parameter);
    }
    offset += (parameter.numel() + 7) / 8 * 8;
  }
}

void FlatAdamW::zero_grad() {
  gradient_.zero_();
}

void FlatAdamW::average_gradients(const std::vector<FlatAdamW*>& replicas) {
  if (replicas.size() < 2) return;
  torch::NoGradGuard no_grad;
  auto& mean = replicas.front()->gradient_;
  for (std::size_t i = 1; i < replicas.size(); ++i) mean.add_(replicas[i]->gradient_.to(mean.device()));
  mean.div_(static_cast<double>(replicas.size()));
  for (std::size_t i = 1; i < replicas.size(); ++i) replicas[i]->gradient_.copy_(mean);
}

void FlatAdamW::step(double lr) {
  torch::NoGradGuard no_grad;
  const c10::DeviceGuard device(master_.device());
  ++steps_;
  auto gradient = gradient_.to(torch::kFloat);
  const auto norm = gradient.norm();
  // A non-finite norm gives scale 0; nan_to_num then leaves a zero gradient.
  const auto scale = torch::nan_to_num(kMaxNorm / norm.clamp_min(kMaxNorm), 0.0, 0.0, 0.0);
  gradient = torch::nan_to_num(gradient, 0.0, 0.0, 0.0).mul_(scale);
  exp_avg_.lerp_(gradient, 1.0 - kBeta1);
  exp_avg_sq_.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
  const double correction1 = 1.0 - std::pow(kBeta1, steps_), correction2 = 1.0 - std::pow(kBeta2, steps_);
  const auto denominator = (exp_avg_sq_ / correction2).sqrt_().add_(kEps);
  master_.mul_(1.0 - lr * weight_decay_).addcdiv_(exp_avg_, denominator, -lr / correction1);
  // Young averages follow faster.
  const double decay = std::min(ema_decay_, (1.0 + steps_) / (10.0 + steps_));
  average_.lerp_(master_, 1.0 - decay);
  working_.copy_(master_);
}

void FlatAdamW::load_average() {
  for (auto& parameter : parameters_) parameter.set_requires_grad(false);
  point_parameters_at(average_);
}

void FlatAdamW::load_training() {
  for (auto& parameter : parameters_) parameter.set_requires_grad(true);
  point_parameters_at(working_);
}

}  // namespace forgedit::miniature
