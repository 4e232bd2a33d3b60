#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// What an edit job is about, as far as it can be told before anything is loaded.
struct EditSubject {
  std::string picture_name;  ///< file name without folders
  LearnMethod method = LearnMethod::vanilla;
  std::vector<EditRequest> requests;  ///< the targets', then the story's
};

/// Reads at most picture and method of a saved edit, and needs no LibTorch. Throws Error for everything in
/// the request that is wrong by itself, but for where it is saved (check_edit), and for results that would
/// take the place of what the job reads.
EditSubject check_edit_settings(const EditJob& job);

/// Whether any of them has SampleOptions::protect.
bool any_protects(const std::vector<EditRequest>& requests);

}  // namespace forgedit
