#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/pipelines/model/caption.h"

namespace forgedit {

/// The one that is looked for in the hub's cache: ORG/NAME.
const char* published_captioner();

/// The captioner's folder: `given`, else the first that is there: captioner/ beside the model, the published
/// one in the hub's cache. Throws a usage Error that names where it was looked for; `field` is the setting
/// that would help.
ModelPlace find_captioner(const std::string& given, const std::filesystem::path& model_folder,
                          const Places& places, const std::string& field);

/// Reads the captioner and says which one; `threads` as prepare_compute has them.
Captioner load_captioner(const ModelPlace& place, const c10::Device& device, int threads, JobContext& job);

}  // namespace forgedit
