#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forgedit/jobs/model_choice.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/picture_grid.h"

namespace forgedit {

/// Runs one sampling step for each batch size in `batches` and one step of fine-tuning, on weights that are
/// all zero, in the shapes of the job, then frees them. On a GPU, libraries load their kernels and plan each
/// shape at its first use, and some of their plans belong to the thread. Run it on the thread that will do
/// the job while another thread reads the model: this saves more time than it takes. Does nothing on other
/// devices, with a memory budget, for models in one file and models with several text encoders, or if less
/// than twice the memory of fine-tuning is free, as the model is loaded beside it. Never throws; returns a
/// note for the user if it fails, else an empty text.
std::string warm_up(const LearnOptions& options, const Frame& frame, const ModelChoice& choice,
                    const std::vector<std::int64_t>& batches);

}  // namespace forgedit
