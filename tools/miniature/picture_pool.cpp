#include "tools/miniature/picture_pool.h"

namespace forgedit::miniature {
namespace {

constexpr std::int64_t kDrawBatch = 4096;
constexpr double kLeastSeen = 0.92, kMostSeen = 1.35;  // sides of the frame, in sides of the picture
constexpr double kShift = 0.1;                         // in halves of the side
constexpr double kNoise = 0.04;
constexpr double kMostBlur = 0.6;  // share of the 3x3 mean

}  // namespace

PicturePool::PicturePool(const EmojiPack& pack, const CaptionTable& table, std::int64_t count,
                         const c10::Device& device, std::uint64_t seed) {
  std::vector<torch::Tensor> pictures, rows;
  for (std::int64_t done = 0, part = 0; done < count; done += kDrawBatch, ++part) {
    const auto scenes = draw_scenes(pack, &table, std::min(kDrawBatch, count - done), Split::train,
                                    seed * 1'000'003 + static_cast<std::uint64_t>(part));
    pictures.push_back(scenes.images.to(device));
    rows.push_back(scenes.captions.to(device));
  }
  images = torch::cat(pictures);
  captions = torch::cat(rows);
}

void PicturePool::next_batch(torch::Tensor& pixels, torch::Tensor& rows) const {
  const auto count = pixels.size(0);
  const auto numbers = torch::dtype(torch::kFloat).device(images.device());
  const auto chosen =
      torch::randint(0, images.size(0), {count}, torch::dtype(torch::kLong).device(images.device()));
  rows.copy_(captions.index_select(0, chosen));
  auto x = images.index_select(0, chosen).permute({0, 3, 1, 2}).to(torch::kFloat).div_(255.0);
  // 1. Framing; outside is more of the background
  const auto seen = torch::rand({count}, numbers) * (kMostSeen - kLeastSeen) + kLeastSeen;
  const auto shift = (torch::rand({count, 2}, numbers) - 0.5) * (2.0 * kShift);
  auto theta = torch::zeros({count, 2, 3}, numbers);
  theta.select(1, 0).select(1, 0).copy_(seen);
  theta.select(1, 1).select(1, 1).copy_(seen);
  theta.select(2, 2).copy_(shift);
  const auto grid = torch::affine_grid_generator(theta, x.sizes(), false);
  x = torch::grid_sampler(x, grid, 0, 1, false);  // bilinear, border
  // 2. Softness and noise
  const auto blurred = torch::avg_pool2d(x, 3, 1, 1, false, false);
  x = x.lerp(blurred, torch::rand({count, 1, 1, 1}, numbers) * kMostBlur);
  x = x + torch::randn_like(x) * (torch::rand({count, 1, 1, 1}, numbers) * kNoise);
  pixels.copy_(x.clamp(0, 1));
}

}  // namespace forgedit::miniature
