#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// The files that `model` of a request names.
struct ModelPlace {
  std::filesystem::path path;           ///< folder or file
  std::string name;                     ///< for records: the last part of the path, or ORG/NAME
  std::vector<std::string> unfinished;  ///< unfinished files of its download in the Hugging Face cache
};

/// Finds a folder, a file, or ORG/NAME in the Hugging Face cache. Throws Error if it is none of these.
ModelPlace find_model(const std::string& model, const Places& places);

/// Finds the model of a request: the miniature if it names none. Throws Error if it is not there.
ModelPlace find_model(const ModelRequest& request, const Places& places);

/// Returns `error`, with a remark if the download of `place` is unfinished and may lack files.
Error explained(const Error& error, const ModelPlace& place);

/// A model and a device, both found but not used yet.
struct ModelChoice {
  std::filesystem::path folder;  ///< diffusers folder or checkpoint file
  bool miniature = false;
  ComputePolicy policy;
  int threads = 0;               ///< 0: one per core
  std::optional<double> memory;  ///< GiB
  ModelPlace place;
  ModelFiles files;

  /// The name for records: the model, the LoRA files that change it, and an unusual clip_skip.
  std::string name() const;
};

/// Finds the model and the device. Throws Error if there is no such model or device.
ModelChoice choose_model(const ModelRequest& request, JobContext& job);

/// Returns what a job will need memory for.
using MemoryNeed = std::function<MemoryTask(const StableDiffusion& model)>;

/// Reads the model and notes its name. With a `need`, chooses a memory plan that fits the budget or the free
/// memory of the device, notes it, and limits a GPU to the budget.
StableDiffusion load_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need = {});

/// Builds the model from its settings and the shapes of its weights, without reading the weights. Throws
/// Error as load_model does, except for the values of weights. The result has no fingerprint and cannot
/// compute; its memory plan is set.
StableDiffusion outline_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need);

/// Returns the memory plan of `task` within the budget of `choice` or the free memory of its device. Limits a
/// GPU to the budget. `held`: bytes of a GPU that the model already uses.
MemoryPlan settle_memory(const ModelChoice& choice, const MemoryTask& task, std::int64_t held = 0);

/// The miniature's folder, which contains the model, the captioner and the scorer.
std::filesystem::path miniature_folder(const Places& places);

}  // namespace forgedit
