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
  std::vector<std::string> unfinished;  ///< of a download in the Hugging Face cache
};

/// A folder, a file, or ORG/NAME in the Hugging Face cache. Throws Error if it is none of these.
ModelPlace find_model(const std::string& model, const Places& places);

/// `error`, with a remark if the download of `place` is unfinished, which may be why a file is missing.
Error explained(const Error& error, const ModelPlace& place);

/// A model and a device, both found but not used yet.
struct ModelChoice {
  std::filesystem::path folder;  ///< or file
  bool miniature = false;
  ComputePolicy policy;
  int threads = 0;               ///< 0: one per core
  std::optional<double> memory;  ///< GiB
  ModelPlace place;
  ModelFiles files;

  /// For records: the model, the LoRA files that change it, and an unusual clip_skip.
  std::string name() const;
};

/// Throws Error when there is no such folder or device.
ModelChoice choose_model(const ModelRequest& request, JobContext& job);

/// What a job will need memory for.
using MemoryNeed = std::function<MemoryTask(const StableDiffusion& model)>;

/// Work on the calling thread while another one reads a model. Returns what to note afterwards, or nothing.
using Meanwhile = std::function<std::string()>;

/// Reads the model and notes which one. With a `need`, chooses a memory plan that fits the budget or the free
/// memory of the device, notes it, and limits a GPU to the budget. Runs `meanwhile`, if given, on the calling
/// thread.
StableDiffusion load_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need = {},
                           const Meanwhile& meanwhile = {});

/// The model by its settings and the shapes of its weights alone: what is wrong with its files is found, and
/// the weights are not read. It has no fingerprint and computes nothing. Settles memory as load_model does.
StableDiffusion outline_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need);

/// The memory plan of `task` within the budget of `choice` or the free memory of its device. Limits a GPU to
/// the budget. `held`: bytes of a GPU that the model already uses.
MemoryPlan settle_memory(const ModelChoice& choice, const MemoryTask& task, std::int64_t held = 0);

/// The miniature's folder, of the model and its readers.
std::filesystem::path miniature_folder(const Places& places);

}  // namespace forgedit
