#pragma once

#include "tools/miniature/scene_set.h"

namespace forgedit::miniature {

/// Training scenes, drawn once, for networks that look at pictures.
struct PicturePool {
  torch::Tensor images;    ///< (count, 128, 128, 3) uint8 on the device
  torch::Tensor captions;  ///< (count) rows of the caption table, on the device

  PicturePool(const EmojiPack& pack, const CaptionTable& captions, std::int64_t count,
              const c10::Device& device, std::uint64_t seed);

  /// Writes `count` random scenes into `pixels` (count, 3, 128, 128), in [0, 1], and their rows into `rows`.
  /// Each is shifted, scaled, blurred and made noisy a little, since readers also see drawn pictures and
  /// other framings than ours.
  void next_batch(torch::Tensor& pixels, torch::Tensor& rows) const;
};

}  // namespace forgedit::miniature
