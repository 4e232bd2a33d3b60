#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "forgedit/editing/learn_result.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/pipelines/sampling/draw_options.h"
#include "forgedit/pipelines/sampling/edit_plan.h"
#include "forgedit/pipelines/sampling/sample.h"

namespace forgedit {

/// How many pictures a plan's batches have where memory sets no limit.
std::int64_t drawn_at_once(const DrawOptions& options, const ComputePolicy& policy);

/// Takes each picture as soon as it is drawn, in the size of the grid.
using PictureCallback = std::function<void(const Candidate& candidate, const Image& grid)>;

/// Whether a candidate of a plan still has to be drawn.
using CandidateFilter = std::function<bool(const Candidate& candidate)>;

/// Draws a plan: in batches, candidates with the same weights together, so that weights change hands rarely.
/// The model's own weights are back in place when it returns or throws. `progress` counts the steps of all
/// pictures and one step for decoding each.
///
/// With `missing` only pictures that it accepts are handed over. Batches are those of the whole plan: one
/// that lacks a picture is drawn in full, since the size of a batch decides how sums are rounded. So a run
/// that was broken off ends with the same bytes.
void draw_candidates(StableDiffusion& model, const LearnResult& learned, const std::vector<Candidate>& plan,
                     const DrawOptions& options, int grid_width, int grid_height,
                     const PictureCallback& on_picture, const ProgressCallback& progress = {},
                     const CandidateFilter& missing = {});

}  // namespace forgedit
