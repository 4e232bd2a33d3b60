#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/cli/console.h"
#include "apps/cli/model_choice.h"
#include "forgedit/pipelines/model/caption.h"

namespace forgedit::cli {

/// The captioner's folder: `given` (--captioner), else the first that is there: MODEL/captioner, the
/// published one in the hub's cache. Throws a usage Error that begins with `need` and says where it was
/// looked for.
ModelPlace find_captioner(const std::string& given, const std::filesystem::path& model_folder,
                          const std::string& need);

/// Reads the captioner and says which one.
Captioner load_captioner(const ModelPlace& place, const ComputePolicy& policy, Console& console);

/// The source prompt for a picture without --source, said on the terminal: see source_prompt. The captioner
/// is gone from memory when this returns.
std::string write_source(const std::string& captioner, const std::vector<std::string>& targets,
                         const Image& picture, const ModelChoice& choice, Console& console);

}  // namespace forgedit::cli
