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

/// Returns the captioner's folder: `given`, else captioner/ beside the model, else the published one in the
/// Hugging Face cache. Throws a usage Error for `field`, the setting that can name a captioner, if none of
/// them exists.
ModelPlace find_captioner(const std::string& given, const std::filesystem::path& model_folder,
                          const Places& places, const std::string& field);

/// Loads the captioner and notes its name; `threads` as in prepare_compute.
Captioner load_captioner(const ModelPlace& place, const c10::Device& device, int threads, JobContext& job);

}  // namespace forgedit
