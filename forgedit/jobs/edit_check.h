#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// What an edit job is about, as far as this is known before anything is loaded.
struct EditSubject {
  std::string picture_name;  ///< file name without folders
  LearnMethod method = LearnMethod::vanilla;
  std::vector<EditRequest> requests;  ///< the targets', then the story's
};

/// Reads at most picture and method of a saved edit, and needs no LibTorch. Throws Error for everything that
/// is wrong in the request itself, except for the folder of the saved edit (check_edit), and for results that
/// would overwrite what the job reads.
EditSubject check_edit_settings(const EditJob& job);

/// Whether any of the requests has SampleOptions::protect.
bool any_protects(const std::vector<EditRequest>& requests);

}  // namespace forgedit
