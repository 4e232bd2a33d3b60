#pragma once

#include <cstdint>

#include "forgedit/metrics/clip_score.h"
#include "forgedit/pipelines/model/caption.h"
#include "tools/miniature/scene.h"

namespace forgedit::miniature {

/// How well a captioner names held-back pictures, as shares of them.
struct CaptionCheck {
  double subject = 0, attribute = 0, background = 0;
  double all = 0;  ///< the caption word for word
};
CaptionCheck check_captioner(Captioner& captioner, const EmojiPack& pack, int count, std::uint64_t seed);

/// How often CLIP ranks the caption of a held-back picture first among 100.
struct RankCheck {
  double random = 0;  ///< the others: of other held-back pictures
  double near = 0;    ///< the others: those that share most words with it
};
RankCheck check_clip(ClipScorer& clip, const EmojiPack& pack, int count, std::uint64_t seed);

}  // namespace forgedit::miniature
