#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "forgedit/jobs/model_choice.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/picture_grid.h"

namespace forgedit {

// On a GPU, libraries load their kernels and plan each shape at its first use, and some of their plans belong
// to the thread. These functions use them before they are needed, while something else takes time.

/// The outcome of a warm-up.
struct WarmUp {
  bool ran = false;
  std::string problem;  ///< a note for the user if it failed
};

/// Runs one step of fine-tuning on weights that are all zero, in the shapes of the job, then frees them. Run
/// it on the thread that will fine-tune, while another thread reads the model. Does nothing on other devices,
/// with a memory budget, for models in one file and models with several text encoders, or if less than twice
/// the memory of fine-tuning is free, as the model is loaded beside it. Never throws.
WarmUp warm_up_learning(const LearnOptions& options, const Frame& frame, const ModelChoice& choice);

/// The parts of a warm-up, to be run one after the other; each may throw.
using WarmUpParts = std::vector<std::function<void()>>;

/// Returns work that encodes a text, runs one sampling step for each batch size in `batches` and decodes an
/// image. Run it on the thread that will sample. It uses the weights that `model` has now, in a UNet of its
/// own, and may run while another thread fine-tunes the model if can_sample_meanwhile.
WarmUpParts sampling_warm_up(const StableDiffusion& model, const Frame& frame,
                             const std::vector<std::int64_t>& batches);

/// Whether another thread may compute 16-bit attention during such fine-tuning, from its first recorded step
/// on. The attention switches LibTorch's deterministic mode (DeterminismScope) for the whole process, which
/// changes operators that run then, but not recorded steps.
bool can_sample_meanwhile(const LearnOptions& options);

}  // namespace forgedit
