#pragma once

#include <vector>

#include "forgedit/core/torch.h"
#include "forgedit/text/clip_tokenizer.h"
#include "tools/miniature/scene.h"

namespace forgedit::miniature {

/// Pictures and captions as tensors.
struct SceneBatch {
  torch::Tensor images;    ///< (count, 128, 128, 3) uint8 on the CPU
  torch::Tensor captions;  ///< (count) index into CaptionTable::ids
};

/// Token ids of every caption that scenes can have; the last row is the empty caption.
class CaptionTable {
 public:
  CaptionTable(const EmojiPack& pack, const ClipTokenizer& tokenizer);
  const torch::Tensor& ids() const { return ids_; }  ///< (captions + 1, 77) int64
  std::int64_t row(const Scene& scene) const;
  std::int64_t empty_row() const { return ids_.size(0) - 1; }

 private:
  torch::Tensor ids_;
};

/// Draws `count` random scenes on all cores; the same seed gives the same scenes.
SceneBatch draw_scenes(const EmojiPack& pack, const CaptionTable* captions, std::int64_t count, Split split,
                       std::uint64_t seed);

/// uint8 (count, h, w, 3) -> (count, 3, h, w) in [-1, 1], channels-last.
torch::Tensor to_model_range(const torch::Tensor& images, at::ScalarType dtype);

}  // namespace forgedit::miniature
