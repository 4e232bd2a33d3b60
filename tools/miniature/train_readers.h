#pragma once

#include "tools/miniature/picture_pool.h"
#include "tools/miniature/training_loop.h"

namespace forgedit::miniature {

/// Trains CLIP: each picture of a batch finds its caption among all of the batch's, and each caption its
/// picture. A caption that occurs twice is no wrong answer. `ids` (captions, tokens) int64 as the pool's rows
/// count them.
void train_clip(ClipModel& clip, const PicturePool& pool, const torch::Tensor& ids, const c10::Device& device,
                const TrainOptions& options);

/// Trains a captioner by teacher forcing. `ids` (captions, tokens) int64: begin, words, end, then `pad`.
void train_captioner(BlipForConditionalGeneration& blip, const PicturePool& pool, const torch::Tensor& ids,
                     const c10::Device& device, const TrainOptions& options);

}  // namespace forgedit::miniature
