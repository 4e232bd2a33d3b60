#include "forgedit/pipelines/model/tiled_vae.h"

#include <algorithm>
#include <functional>

namespace forgedit {
namespace {

/// Neighbouring tiles overlap by side / kOverlap; the last tile of a row may overlap more.
constexpr std::int64_t kOverlap = 4;

/// Returns the starts of tiles of `size` that cover `length`.
std::vector<std::int64_t> starts_of(std::int64_t length, std::int64_t size) {
  std::vector<std::int64_t> starts{0};
  const auto step = size - size / kOverlap;
  while (starts.back() + size < length) starts.push_back(std::min(starts.back() + step, length - size));
  return starts;
}

/// Returns weights along one side of a tile. They rise over the overlap with a neighbour.
torch::Tensor ramp(std::int64_t size, bool first, bool last) {
  auto weights = torch::ones({size});
  const auto overlap = size / kOverlap;
  const auto rise = (torch::arange(overlap) + 0.5) / static_cast<double>(overlap);
  if (!first) weights.narrow(0, 0, overlap).copy_(rise);
  if (!last) weights.narrow(0, size - overlap, overlap).copy_(rise.flip(0));
  return weights;
}

/// Runs `run` for each tile and blends the results. `run` gets place and size of a tile in latents, and
/// returns its part of the output, which has `scale` values per latent and side.
torch::Tensor blend_tiles(
    std::int64_t height, std::int64_t width, std::int64_t tile, std::int64_t scale,
    const std::function<torch::Tensor(std::int64_t y, std::int64_t x, std::int64_t h, std::int64_t w)>& run) {
  const auto h = std::min(tile, height), w = std::min(tile, width);
  torch::Tensor sum, weight_sum;
  for (const auto y : starts_of(height, h)) {
    for (const auto x : starts_of(width, w)) {
      const auto part = run(y, x, h, w).to(torch::kFloat);
      const auto weights = (ramp(h * scale, y == 0, y + h == height).unsqueeze(1) *
                            ramp(w * scale, x == 0, x + w == width).unsqueeze(0))
                               .to(part.device());
      if (!sum.defined()) {
        sum = torch::zeros({part.size(0), part.size(1), height * scale, width * scale}, part.options());
        weight_sum = torch::zeros({height * scale, width * scale}, part.options());
      }
      const auto place = [&](const torch::Tensor& whole) {
        return whole.narrow(-2, y * scale, h * scale).narrow(-1, x * scale, w * scale);
      };
      place(sum).add_(part * weights);
      place(weight_sum).add_(weights);
    }
  }
  return sum / weight_sum;
}

}  // namespace

torch::Tensor decode_in_tiles(AutoencoderKL& vae, const torch::Tensor& latents, std::int64_t tile) {
  return blend_tiles(latents.size(2), latents.size(3), tile, vae->config().factor(),
                     [&](std::int64_t y, std::int64_t x, std::int64_t h, std::int64_t w) {
                       return vae->decode(latents.narrow(2, y, h).narrow(3, x, w));
                     });
}

AutoencoderKLImpl::Posterior encode_in_tiles(AutoencoderKL& vae, const torch::Tensor& images,
                                             std::int64_t tile) {
  const auto factor = vae->config().factor();
  const auto moments =
      blend_tiles(images.size(2) / factor, images.size(3) / factor, tile, 1,
                  [&](std::int64_t y, std::int64_t x, std::int64_t h, std::int64_t w) {
                    const auto part = vae->encode(
                        images.narrow(2, y * factor, h * factor).narrow(3, x * factor, w * factor));
                    return torch::cat({part.mean, part.logvar}, 1);
                  })
          .chunk(2, 1);
  return {moments[0], moments[1]};
}

}  // namespace forgedit
