#include "forgedit/eval/run_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/text.h"
#include "forgedit/work/work_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Whether a folder contains more than locks and temporary files of killed processes.
bool holds_something(const fs::path& folder) {
  const auto names = list_directory(folder);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return fs::path(name).extension() != ".tmp" && !starts_with(name, ".forgedit");
  });
}

}  // namespace

void claim_run_folder(const fs::path& folder, const json& settings) {
  const auto file = folder / "run.json";
  // Temporary files of living workers must stay. Locks would protect them, but may not work on network file
  // systems.
  if (living_workers(folder / "work").empty()) clear_leftovers(folder);
  if (!fs::exists(file)) {
    make_directory(folder);
    if (holds_something(folder)) {
      throw usage_error(folder.string() + ": is not the folder of a benchmark; choose another folder");
    }
    if (write_new_file(file, json_text(settings, 1) + "\n")) return;
  }
  const auto found = read_json_object(file);
  for (const auto& [key, value] : settings.items()) {
    if (found.contains(key) && found[key] == value) continue;
    throw usage_error(folder.string() + ": contains a run with other settings (" + key +
                      "): use the same settings, or choose another folder");
  }
}

}  // namespace forgedit
