#pragma once

#include <filesystem>
#include <string>

#include "apps/cli/console.h"
#include "forgedit/pipelines/stable_diffusion.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Which model draws, and where.
struct ModelOptions {
  std::string folder;  ///< empty: the miniature that ships with the program
  std::string device = "auto";
  Precision precision = Precision::fp32;
  int threads = 0;  ///< 0: OMP_NUM_THREADS where it is set, else one a core
};

void add_model_options(CLI::App& command, ModelOptions& options);

/// A model folder and a device, both found but not used yet.
struct ModelChoice {
  std::filesystem::path folder;
  bool miniature = false;
  ComputePolicy policy;
  int threads = 0;  ///< 0: one a core

  std::string name() const;  ///< the folder's own name, for records
};

/// The folder with fonts and the miniature: $FORGEDIT_ASSETS, the source tree's, or the installed one.
std::filesystem::path find_assets();

/// Throws Error when there is no such folder or device.
ModelChoice choose_model(const ModelOptions& options);

/// Reads the model; says which one and, for the miniature, what it knows.
StableDiffusion load_model(const ModelChoice& choice, Console& console);

}  // namespace forgedit::cli
