#pragma once

#include <functional>

#include "forgedit/editing/text_embedding.h"
#include "forgedit/io/pictures/mask.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Pairs of predictions that a relevance map needs.
inline constexpr std::int64_t kRelevancePairs = 8;

/// Where a prompt changes a picture: the distance between the UNet's predictions for the noised picture with
/// `source` and with `target` (DiffEdit, arXiv 2210.11427), with the UNet's current weights. `latents`
/// (1, 4, h, w), scaled; embeddings of one row each. Returns (h, w) float32 on the CPU, smoothed, with a mean
/// of about 1: the mean over channels and over kRelevancePairs of noise and timestep, always the same ones. 0
/// everywhere if the predictions differ by rounding only. `on_pair` is called after each pair; may throw to
/// stop.
torch::Tensor relevance_map(StableDiffusion& model, const torch::Tensor& latents, const TextEmbedding& source,
                            const TextEmbedding& target, const std::function<void()>& on_pair = {});

/// The cells (1, 1, h, w) that may change: 1 where the map (h, w) is at least Otsu's threshold of its values,
/// and in the cells around these; else 0. All ones if the map has a single value.
torch::Tensor relevant_cells(const torch::Tensor& map);

/// The same as a mask with cells of `factor` x `factor` pixels.
Mask mask_of_cells(const torch::Tensor& cells, std::int64_t factor);

}  // namespace forgedit
