#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forgedit/jobs/model_choice.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/picture_grid.h"

namespace forgedit {

/// Runs one step of sampling for each of `batches` (numbers of images) and one of fine-tuning, on weights
/// that are all zero, in the shapes of the job, and forgets them. On a GPU, libraries load their kernels and
/// plan each shape at its first use, and some of their plans belong to the thread. On the thread that will do
/// the job, while another one reads the model, this takes less time than it saves. Does nothing on other
/// devices, with a memory budget, for models of one file and for those of several text encoders, and where
/// less than twice the memory of fine-tuning is free, so that the model can be placed beside it. Never
/// throws; returns what to tell people where it fails, else nothing.
std::string warm_up(const LearnOptions& options, const Frame& frame, const ModelChoice& choice,
                    const std::vector<std::int64_t>& batches);

}  // namespace forgedit
