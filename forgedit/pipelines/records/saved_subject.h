#pragma once

#include <filesystem>
#include <string>

#include "forgedit/editing/method.h"

namespace forgedit {

/// The record of a saved edit (saved_edit.h).
inline constexpr const char* kSavedRecordFile = "learned.json";

/// The picture and method of a saved edit.
struct SavedSubject {
  std::string picture_name;  ///< file name without folders
  LearnMethod method = LearnMethod::vanilla;
};

/// Reads these two of a saved edit's record, and needs no LibTorch for it. Throws a failure naming file and
/// key.
SavedSubject read_saved_subject(const std::filesystem::path& directory);

}  // namespace forgedit
