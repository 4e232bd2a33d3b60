#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// The picture, method and sweeps of an edit job, as known before anything is loaded.
struct EditSubject {
  std::string picture_name;  ///< file name without folders
  LearnMethod method = LearnMethod::vanilla;
  std::vector<EditRequest> requests;  ///< those of the targets, then those of the story
};

/// Checks the request without the folder of the saved edit, which check_edit checks. Reads at most picture
/// and method of a saved edit, and needs no LibTorch. Throws Error for mistakes in the request, and for
/// results that would overwrite what the job reads.
EditSubject check_edit_settings(const EditJob& job);

/// Whether any of the requests has SampleOptions::protect.
bool any_protects(const std::vector<EditRequest>& requests);

}  // namespace forgedit
