#include "forgedit/pipelines/sampling/diffusion_classifier.h"

#include <vector>

#include "forgedit/device/batch_parts.h"
#include "forgedit/pipelines/model/picture.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

constexpr std::uint64_t kNoiseSeed = 0x636c617373ULL;  // seed of the noise, for all images
// Shares of the schedule. Less noise hides nothing; more leaves nothing to recognise.
constexpr double kLeastNoise = 0.15, kMostNoise = 0.85;
// Pairs that a GPU without a memory plan computes at once.
constexpr std::int64_t kPairsAtOnce = 4;

/// Returns timesteps (pairs) int64.
torch::Tensor timesteps_of(const NoiseSchedule& schedule) {
  const auto shares = torch::linspace(kLeastNoise, kMostNoise, DiffusionClassifier::kPairs, torch::kDouble);
  return (shares * static_cast<double>(schedule.num_train_timesteps())).to(torch::kLong);
}

/// Repeats each row `times` times in succession.
TextEmbedding repeated(const TextEmbedding& text, std::int64_t times) {
  const auto repeat = [&](const torch::Tensor& rows) {
    return rows.defined() ? rows.repeat_interleave(times, 0) : rows;
  };
  return {repeat(text.tokens), repeat(text.pooled)};
}

}  // namespace

DiffusionClassifier::DiffusionClassifier(StableDiffusion& model, const Image& original,
                                         const std::string& source)
    : model_(model), source_embedding_(model.encode_text(source)) {
  original_errors_ = errors(encode(original), source_embedding_).select(1, 0);
}

PromptFit DiffusionClassifier::judge(const Image& edited, const std::string& target) {
  auto both = both_.find(target);
  if (both == both_.end())
    both = both_.emplace(target, join({source_embedding_, model_.encode_text(target)})).first;
  const auto found = errors(encode(edited), both->second);
  const auto by_source = found.select(1, 0), by_target = found.select(1, 1);
  return {((by_source - by_target) / (by_source + by_target)).mean().item<double>(),
          (by_target / original_errors_).log().mean().item<double>()};
}

/// Uses a sample of the posterior, always the same one, which is as good as its mean.
torch::Tensor DiffusionClassifier::encode(const Image& image) {
  auto generator = at::detail::createCPUGenerator(kNoiseSeed);
  return model_.encode_image(image_to_tensor(image), generator).to(torch::kCPU, torch::kFloat);
}

/// Returns the UNet's predictions.
torch::Tensor DiffusionClassifier::predict(const BatchParts& parts, const torch::Tensor& noisy,
                                           const torch::Tensor& timesteps, const torch::Tensor& tokens,
                                           const AddedConditions& added) {
  const PrecisionScope precision(model_.policy);
  std::vector<torch::Tensor> predicted(static_cast<std::size_t>(parts.count()));
  parts.run([&](std::int64_t part) {
    AddedConditions of_part;
    if (added.text_embeds.defined())
      of_part = {parts.of(added.text_embeds, part), parts.of(added.time_ids, part)};
    predicted[static_cast<std::size_t>(part)] =
        model_.unet(parts.of(noisy, part), parts.of(timesteps, part), parts.of(tokens, part), of_part);
  });
  return torch::cat(predicted);
}

/// Takes latents (1, channels, h, w) and texts of n rows. Returns mean square errors (pairs, n), float64 on
/// the CPU.
torch::Tensor DiffusionClassifier::errors(const torch::Tensor& latents, const TextEmbedding& texts) {
  const torch::NoGradGuard no_grad;
  const NoiseSchedule schedule(model_.settings.noise);
  const auto device = model_.policy.device;
  const auto rows = texts.tokens.size(0);
  auto shape = latents.sizes().vec();
  shape[0] = kPairs;
  auto generator = at::detail::createCPUGenerator(kNoiseSeed);
  const auto noise = torch::randn(shape, generator, torch::kFloat);
  const auto timesteps = timesteps_of(schedule);
  const bool at_once = device.is_cuda() && model_.memory.budget_gib <= 0;
  const auto most = at_once ? kPairsAtOnce : 1;
  const BatchParts parts(model_.policy, most * rows);  // on a CPU each thread takes some of the samples
  auto result = torch::empty({kPairs, rows}, torch::kDouble);
  for (std::int64_t first = 0; first < kPairs; first += most) {
    const auto some = [&](const torch::Tensor& all) { return all.narrow(0, first, most); };
    const auto image = latents.expand_as(some(noise));
    const auto noisy = schedule.add_noise(image, some(noise), some(timesteps));
    const auto text = repeated(texts, most);
    const auto added = model_.added_conditions(text.pooled, latents.size(2), latents.size(3));
    const auto predicted = predict(parts, noisy.repeat({rows, 1, 1, 1}).to(device),
                                   some(timesteps).repeat({rows}).to(device), text.tokens, added);
    const auto target = schedule.target(image, some(noise), some(timesteps));
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto of_row = predicted.narrow(0, row * most, most).to(torch::kCPU, torch::kDouble);
      result.narrow(0, first, most).select(1, row).copy_((of_row - target).square().mean({1, 2, 3}));
    }
  }
  return result;
}

}  // namespace forgedit
