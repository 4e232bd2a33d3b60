#pragma once

#include <functional>

#include "forgedit/editing/text_embedding.h"
#include "forgedit/io/pictures/mask.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Pairs of predictions that a relevance map takes.
inline constexpr std::int64_t kRelevancePairs = 8;

/// Where a text changes a picture: how far the UNet's predictions for the noised picture under `source` and
/// under `target` lie apart (DiffEdit, arXiv 2210.11427), with the weights that it has now. `latents`
/// (1, 4, h, w), scaled; embeddings of one row each. Returns (h, w) float32 on the CPU, of mean 1: the mean
/// over channels and over always the same kRelevancePairs of noise and timestep, smoothed. 0 everywhere where
/// the predictions differ by rounding alone. `on_pair` is called after each pair, and may throw to stop.
torch::Tensor relevance_map(StableDiffusion& model, const torch::Tensor& latents, const TextEmbedding& source,
                            const TextEmbedding& target, const std::function<void()>& on_pair = {});

/// The cells (1, 1, h, w) that may change: 1 where the map is over the threshold that best divides its values
/// in two (Otsu), grown by a cell; else 0. All of them where the map has one value only.
torch::Tensor relevant_cells(const torch::Tensor& map);

/// The same as a mask, each cell `factor` pixels a side.
Mask mask_of_cells(const torch::Tensor& cells, std::int64_t factor);

}  // namespace forgedit
