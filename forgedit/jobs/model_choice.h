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

/// What `model` of a request names, found on this machine.
struct ModelPlace {
  std::filesystem::path path;           ///< folder or file
  std::string name;                     ///< for records: the last part of the path, or ORG/NAME
  std::vector<std::string> unfinished;  ///< of a download in the hub's cache
};

/// A folder, a file, or ORG/NAME in the hub's cache. Throws Error when it is none of these.
ModelPlace find_model(const std::string& model, const Places& places);

/// `error`, and that the download of `place` is not finished where that is so: it may be why a file is
/// missing.
Error explained(const Error& error, const ModelPlace& place);

/// A model and a device, both found but not used yet.
struct ModelChoice {
  std::filesystem::path folder;  ///< or file
  bool miniature = false;
  ComputePolicy policy;
  int threads = 0;               ///< 0: one a core
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

/// Reads the model and says which one. With a `need` settles how it is met within the budget or what the
/// device has free, says so, and holds a GPU to the budget.
StableDiffusion load_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need = {});

/// The model by its settings and the shapes of its weights alone: what is wrong with its files is found, and
/// the weights are not read. It has no fingerprint and computes nothing. Settles memory as load_model does.
StableDiffusion outline_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need);

/// How `task` is met within the budget of `choice` or what its device has free. Holds a GPU to the budget.
/// `held`: bytes of a GPU that the model takes already.
MemoryPlan settle_memory(const ModelChoice& choice, const MemoryTask& task, std::int64_t held = 0);

/// The miniature's folder, of the model and its readers.
std::filesystem::path miniature_folder(const Places& places);

}  // namespace forgedit
