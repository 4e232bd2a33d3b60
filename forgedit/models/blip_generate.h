#pragma once

#include <vector>

#include "forgedit/models/blip.h"

namespace forgedit {

/// How to search for a caption. Defaults are those of transformers' generate().
struct CaptionSearch {
  std::int64_t max_length = 20;  ///< maximum number of tokens, with the begin and end tokens
  std::int64_t num_beams = 1;    ///< beam size; 1 is greedy search
  double length_penalty = 1.0;   ///< beam search: the score is log-probability / length^this
  bool early_stopping = false;   ///< beam search: stop when num_beams sequences are finished
};

/// The token ids of a caption for image_embeds (1, tokens, hidden). They include the begin token, and the end
/// token if the search reached it. Throws a usage Error for invalid settings.
std::vector<std::int64_t> generate_caption(BlipForConditionalGeneration& model,
                                           const torch::Tensor& image_embeds, const CaptionSearch& search);

}  // namespace forgedit
