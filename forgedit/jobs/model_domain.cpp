#include "forgedit/jobs/model_domain.h"

#include <spdlog/fmt/fmt.h>

#include <numeric>

#include "forgedit/metrics/image_quality.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

constexpr double kMinRoundTrip = 22.0;
// Measured over the first five steps of ten samples: emoji come to 0.02 to 0.05, photographs to 0.07 to 0.19.
constexpr double kMaxFirstLoss = 0.06;
constexpr std::ptrdiff_t kFirstSteps = 5;

}  // namespace

std::string warn_of_round_trip(StableDiffusion& model, const EncodedPicture& encoded,
                               const PictureToLearn& picture) {
  const auto round_trip = tensor_to_image(model.decode_latents(encoded.latents)[0]);
  const double quality = psnr(from_grid(round_trip, picture.frame), from_grid(picture.grid, picture.frame));
  if (quality >= kMinRoundTrip) return {};
  return fmt::format(
      "the miniature's VAE reconstructs this picture at {:.1f} dB PSNR, under {:.0f}: the miniature does not "
      "know such pictures, and the edits will look bad",
      quality, kMinRoundTrip);
}

std::string warn_of_first_losses(const std::vector<double>& losses) {
  const auto count = std::min(kFirstSteps, static_cast<std::ptrdiff_t>(losses.size()));
  if (count == 0) return {};
  const double mean =
      std::accumulate(losses.begin(), losses.begin() + count, 0.0) / static_cast<double>(count);
  if (mean <= kMaxFirstLoss) return {};
  return fmt::format(
      "the first losses are {:.2f} on average, over {:.2f}: the miniature does not know such pictures, and "
      "the edits will hardly follow the prompt",
      mean, kMaxFirstLoss);
}

}  // namespace forgedit
