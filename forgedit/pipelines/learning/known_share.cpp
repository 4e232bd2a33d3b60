#include "forgedit/pipelines/learning/known_share.h"

#include <algorithm>

namespace forgedit {
namespace {

constexpr std::int64_t kSamples = 10;
constexpr std::uint64_t kSeed = 0x6b6e6f776eULL;  // seed of the noise, independent of the seed of fine-tuning

/// Returns timesteps spaced evenly from the middle of the schedule upwards, without the last ones, whose
/// noise hides everything.
torch::Tensor grid(std::int64_t num_train_timesteps) {
  const auto twentieths = torch::arange(kSamples, 2 * kSamples, torch::kLong);
  return torch::div(twentieths * num_train_timesteps, 2 * kSamples, "floor");
}

}  // namespace

KnownShare::KnownShare(const torch::Tensor& latents, const NoiseScheduleOptions& noise,
                       const c10::Device& device, std::int64_t most_at_once)
    : schedule_(NoiseSchedule(noise).to(device)),
      latents_(latents.detach().to(device, torch::kFloat)),
      timesteps_(grid(noise.num_train_timesteps).to(device)),
      variance_(std::max(latents_.var(/*unbiased=*/false).item<double>(), 1e-6)),
      at_once_(most_at_once > 0 ? std::min(most_at_once, kSamples) : kSamples) {
  auto shape = latents.sizes().vec();
  shape[0] = kSamples;
  noise_ = torch::randn(shape, at::detail::createCPUGenerator(kSeed), torch::kFloat).to(device);
}

double KnownShare::measure(const NoisePredictor& predict, const ComputePolicy& policy) const {
  const torch::NoGradGuard no_grad;
  double error = 0;
  for (std::int64_t first = 0; first < kSamples; first += at_once_) {
    const auto count = std::min(at_once_, kSamples - first);
    const auto noise = noise_.narrow(0, first, count), timesteps = timesteps_.narrow(0, first, count);
    const auto noisy = schedule_.add_noise(latents_.expand_as(noise), noise, timesteps);
    torch::Tensor predicted;
    {
      const PrecisionScope precision(policy);
      predicted = predict(noisy, timesteps);
    }
    const auto alpha = schedule_.alphas_cumprod().index_select(0, timesteps).view({-1, 1, 1, 1});
    const auto signal = alpha.sqrt(), spread = (1 - alpha).sqrt();
    predicted = predicted.to(torch::kFloat);
    const auto found = schedule_.options().prediction_type == PredictionType::epsilon
                           ? (noisy - spread * predicted) / signal
                           : signal * noisy - spread * predicted;
    error += (found - latents_).square().mean({1, 2, 3}).sum().item<double>();
  }
  return 1 - error / static_cast<double>(kSamples) / variance_;
}

}  // namespace forgedit
