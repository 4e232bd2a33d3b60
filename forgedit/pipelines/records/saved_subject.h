#pragma once

#include <filesystem>
#include <string>

#include "forgedit/editing/method.h"

namespace forgedit {

/// The file name of the record of a saved edit (saved_edit.h).
inline constexpr const char* kSavedRecordFile = "learned.json";

/// The picture and method of a saved edit.
struct SavedSubject {
  std::string picture_name;  ///< file name without folders
  LearnMethod method = LearnMethod::vanilla;
};

/// Reads picture and method from the record of a saved edit, without LibTorch. Throws a failure naming file
/// and key.
SavedSubject read_saved_subject(const std::filesystem::path& directory);

}  // namespace forgedit
