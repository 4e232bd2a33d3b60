#pragma once

#include <vector>

#include "forgedit/models/blip.h"

namespace forgedit {

/// How a caption is searched; the defaults are those of transformers' generate().
struct CaptionSearch {
  std::int64_t max_length = 20;  ///< tokens at most, begin and end token included
  std::int64_t num_beams = 1;    ///< 1: the likeliest token each time (greedy)
  double length_penalty = 1.0;   ///< beams: a sequence scores log-probability / length^this
  bool early_stopping = false;   ///< beams: end once num_beams sequences are finished
};

/// The token ids of a caption for image_embeds (1, tokens, hidden), begin token included, and the end token
/// where the caption came to one. Throws a usage Error for a search that cannot be.
std::vector<std::int64_t> generate_caption(BlipForConditionalGeneration& model,
                                           const torch::Tensor& image_embeds, const CaptionSearch& search);

}  // namespace forgedit
