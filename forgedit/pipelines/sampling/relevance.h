#pragma once

#include <functional>

#include "forgedit/editing/text_embedding.h"
#include "forgedit/io/pictures/mask.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// The number of pairs of predictions for a relevance map.
inline constexpr std::int64_t kRelevancePairs = 8;

/// Computes where a prompt changes a picture: the distance between the UNet's predictions for the noised
/// picture with `source` and with `target` (DiffEdit, arXiv 2210.11427), with the UNet's current weights.
/// `latents` are (1, 4, h, w), scaled; embeddings have one row each. Returns (h, w) float32 on the CPU,
/// smoothed, with a mean of about 1: the mean over channels and over kRelevancePairs of noise and timestep,
/// always the same ones. 0 everywhere if the predictions differ only by rounding. `on_pair` is called after
/// each pair; it may throw to stop.
torch::Tensor relevance_map(StableDiffusion& model, const torch::Tensor& latents, const TextEmbedding& source,
                            const TextEmbedding& target, const std::function<void()>& on_pair = {});

/// Returns the cells (1, 1, h, w) that may change: 1 if the map (h, w) is at least Otsu's threshold of its
/// values there or in a neighbouring cell, else 0. All ones if the map has a single value.
torch::Tensor relevant_cells(const torch::Tensor& map);

/// Converts cells to a mask with `factor` x `factor` pixels per cell.
Mask mask_of_cells(const torch::Tensor& cells, std::int64_t factor);

}  // namespace forgedit
