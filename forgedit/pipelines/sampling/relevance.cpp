#include "forgedit/pipelines/sampling/relevance.h"

#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

constexpr std::uint64_t kSeed = 0x72656c6576ULL;  // seed of the noise, for all edits
// Shares of the schedule, between timesteps that decide details and those that decide the layout.
constexpr double kFirstShare = 0.4, kLastShare = 0.75;
constexpr std::int64_t kBins = 256;
// Differences smaller than this, relative to the prediction, come from rounding.
constexpr double kLeastDifference = 1e-3;

/// Returns means over 3 x 3 cells, at the border over those inside the map.
torch::Tensor smoothed(const torch::Tensor& map) {
  return torch::avg_pool2d(map, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

/// Returns Otsu's threshold, which maximises the variance between the two classes.
double threshold_of(const torch::Tensor& map) {
  const auto low = map.min().item<double>(), high = map.max().item<double>();
  const auto counts = torch::histc(map, kBins, low, high).to(torch::kDouble);
  const auto shares = counts / counts.sum();
  const auto values = torch::arange(kBins, torch::kDouble);
  const auto below = shares.cumsum(0), sums = (shares * values).cumsum(0);
  const auto spread = (sums[-1] * below - sums).square() / (below * (1 - below)).clamp_min(1e-12);
  const auto bin = spread.narrow(0, 0, kBins - 1).argmax().item<std::int64_t>();
  return low + (high - low) * static_cast<double>(bin + 1) / static_cast<double>(kBins);
}

}  // namespace

torch::Tensor relevance_map(StableDiffusion& model, const torch::Tensor& latents, const TextEmbedding& source,
                            const TextEmbedding& target, const std::function<void()>& on_pair) {
  const torch::NoGradGuard no_grad;
  const NoiseSchedule schedule(model.settings.noise);
  const auto device = model.policy.device;
  const auto both = join({source, target});
  const auto added = model.added_conditions(both.pooled, latents.size(2), latents.size(3));
  auto generator = at::detail::createCPUGenerator(kSeed);
  auto sum = torch::zeros({1, 1, latents.size(2), latents.size(3)});
  for (std::int64_t i = 0; i < kRelevancePairs; ++i) {
    const auto share = kFirstShare + (kLastShare - kFirstShare) * static_cast<double>(i) /
                                         static_cast<double>(kRelevancePairs - 1);
    const auto timestep = torch::full(
        {1}, static_cast<std::int64_t>(share * static_cast<double>(schedule.num_train_timesteps())),
        torch::kLong);
    const auto noise = torch::randn(latents.sizes(), generator, torch::kFloat);
    const auto noisy = schedule.add_noise(latents.to(torch::kCPU, torch::kFloat), noise, timestep).to(device);
    torch::Tensor predicted;
    {
      const PrecisionScope precision(model.policy);
      predicted = model.unet(torch::cat({noisy, noisy}), timestep.to(device).expand({2}), both.tokens, added);
    }
    const auto pair = predicted.to(torch::kCPU, torch::kFloat).chunk(2);
    const auto apart = (pair[1] - pair[0]).abs().mean(1, /*keepdim=*/true);
    const auto mean = apart.mean();
    // Divides by the mean, so that all timesteps have the same weight.
    if (mean.item<double>() > kLeastDifference * pair[0].abs().mean().item<double>()) sum += apart / mean;
    if (on_pair) on_pair();
  }
  return smoothed(smoothed(sum / kRelevancePairs)).squeeze(0).squeeze(0);
}

torch::Tensor relevant_cells(const torch::Tensor& map) {
  const auto cells = map.unsqueeze(0).unsqueeze(0);
  if (map.min().item<double>() == map.max().item<double>()) return torch::ones_like(cells);
  const auto over = (cells >= threshold_of(map)).to(torch::kFloat);
  return torch::max_pool2d(over, {3, 3}, {1, 1}, {1, 1});
}

Mask mask_of_cells(const torch::Tensor& cells, std::int64_t factor) {
  const auto pixels = cells.squeeze(0).squeeze(0).repeat_interleave(factor, 0).repeat_interleave(factor, 1);
  const auto bytes = (pixels * 255).to(torch::kUInt8).contiguous();
  Mask mask{static_cast<int>(bytes.size(1)), static_cast<int>(bytes.size(0)), {}};
  mask.change.assign(bytes.data_ptr<std::uint8_t>(), bytes.data_ptr<std::uint8_t>() + bytes.numel());
  return mask;
}

}  // namespace forgedit
