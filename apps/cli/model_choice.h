#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/console.h"
#include "forgedit/core/error.h"
#include "forgedit/io/charts/fonts.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Which model draws, and where.
struct ModelOptions {
  std::string folder;  ///< folder, file or ORG/NAME; empty: the miniature that ships with the program
  std::string vae, tokenizer, config;  ///< see ModelFiles; empty: the model's own
  std::string device = "auto";
  std::optional<Precision> precision;  ///< nothing: bf16 on a GPU, else fp32
  bool plain = false;                  ///< see ComputePolicy
  std::optional<double> memory_gib;    ///< budget; nothing: what the GPU has free
  int threads = 0;                     ///< 0: OMP_NUM_THREADS where it is set, else one a core
};

void add_model_options(CLI::App& command, ModelOptions& options);
/// --memory, for commands that learn or draw.
void add_memory_option(CLI::App& command, ModelOptions& options);

/// What a --model names, found on this machine.
struct ModelPlace {
  std::filesystem::path path;           ///< folder or file
  std::string name;                     ///< for records: the last part of the path, or ORG/NAME
  std::vector<std::string> unfinished;  ///< of a download in the hub's cache
};

/// A folder, a file, or ORG/NAME in the hub's cache. Throws Error when it is none of these.
ModelPlace find_model(const std::string& model);

/// `error`, and that the download of `place` is not finished where that is so: it may be why a file is
/// missing.
Error explained(const Error& error, const ModelPlace& place);

/// The hub's cache, as the environment has it (HF_HUB_CACHE, HF_HOME, …).
std::filesystem::path find_hub_cache();

/// A model and a device, both found but not used yet.
struct ModelChoice {
  std::filesystem::path folder;  ///< or file
  bool miniature = false;
  ComputePolicy policy;
  int threads = 0;  ///< 0: one a core
  std::optional<double> memory_gib;
  ModelPlace place;
  ModelFiles files;

  const std::string& name() const { return place.name; }  ///< for records
};

/// The folder with fonts and the miniature: $FORGEDIT_ASSETS, the source tree's, or the installed one.
std::filesystem::path find_assets();

/// The font that ships with the program, and where this machine keeps others.
Fonts find_fonts();

/// Throws Error when there is no such folder or device.
ModelChoice choose_model(const ModelOptions& options);
/// The same, and first of all says when it is the miniature.
ModelChoice choose_model(const ModelOptions& options, Console& console);

/// What a command will need memory for.
using MemoryNeed = std::function<MemoryTask(const StableDiffusion& model)>;

/// Reads the model and says which one. With a `need` settles how it is met
/// within --memory or what the GPU has free, says so, and holds a GPU to --memory.
StableDiffusion load_model(const ModelChoice& choice, Console& console, const MemoryNeed& need = {});

}  // namespace forgedit::cli
