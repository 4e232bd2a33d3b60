#include "tools/miniature/scene_set.h"

#include <cstring>
#include <thread>

namespace forgedit::miniature {

CaptionTable::CaptionTable(const EmojiPack& pack, const ClipTokenizer& tokenizer) {
  const auto rows = static_cast<std::int64_t>(pack.entries.size() * kBackgrounds.size()) + 1;
  ids_ = torch::empty({rows, 77}, torch::kLong);
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto entry = static_cast<std::size_t>(row) / kBackgrounds.size();
    const auto text = row + 1 == rows ? std::string() : caption(pack, entry, row % kBackgrounds.size());
    const auto ids = tokenizer.encode(text).ids;
    std::memcpy(ids_[row].data_ptr<std::int64_t>(), ids.data(), ids.size() * sizeof(std::int64_t));
  }
}

std::int64_t CaptionTable::row(const Scene& scene) const {
  return static_cast<std::int64_t>(scene.entry * kBackgrounds.size() + scene.background);
}

SceneBatch draw_scenes(const EmojiPack& pack, const CaptionTable* captions, std::int64_t count, Split split,
                       std::uint64_t seed) {
  SceneBatch batch{torch::empty({count, kEmojiSide, kEmojiSide, 3}, torch::kByte),
                   torch::zeros({count}, torch::kLong)};
  auto* pixels = batch.images.data_ptr<std::uint8_t>();
  auto* rows = batch.captions.data_ptr<std::int64_t>();
  constexpr std::size_t kBytes = std::size_t{kEmojiSide} * kEmojiSide * 3;

  const auto workers = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::int64_t i = worker; i < count; i += workers) {
        std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(i));
        const auto scene = random_scene(pack, engine, split);
        std::memcpy(pixels + static_cast<std::size_t>(i) * kBytes, render(pack, scene).pixels.data(), kBytes);
        if (captions) rows[i] = captions->row(scene);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return batch;
}

torch::Tensor to_model_range(const torch::Tensor& images, at::ScalarType dtype) {
  return images.permute({0, 3, 1, 2}).to(dtype).mul_(2.0 / 255.0).sub_(1.0);
}

}  // namespace forgedit::miniature
