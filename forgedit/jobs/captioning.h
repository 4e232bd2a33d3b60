#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/pipelines/model/caption.h"

namespace forgedit {

/// The captioner that is searched for in the Hugging Face cache: ORG/NAME.
const char* published_captioner();

/// The captioner's folder: `given`, else the first that exists: captioner/ beside the model, the published
/// one in the Hugging Face cache. Throws a usage Error that names where it searched; `field` is the setting
/// that can name a captioner.
ModelPlace find_captioner(const std::string& given, const std::filesystem::path& model_folder,
                          const Places& places, const std::string& field);

/// Loads the captioner and notes which one; `threads` as in prepare_compute.
Captioner load_captioner(const ModelPlace& place, const c10::Device& device, int threads, JobContext& job);

}  // namespace forgedit
