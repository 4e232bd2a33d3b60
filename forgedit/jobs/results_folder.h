#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/core/folder_lock.h"

namespace forgedit {

/// The names of results beside the pictures.
inline constexpr const char* kRecordFile = "edit.json";
inline constexpr const char* kSheetFile = "sheet.png";
inline constexpr const char* kReportFile = "report.html";
inline constexpr const char* kChartFile = "chart.png";

/// A folder that exists while results may come; it goes away again when nothing was put into it.
class OutputFolder {
 public:
  explicit OutputFolder(const std::filesystem::path& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  std::vector<std::filesystem::path> made_;  // deepest first
};

/// A folder of results that no other process writes into, without what killed ones left there.
class ResultsFolder {
 public:
  explicit ResultsFolder(const std::filesystem::path& path);

 private:
  OutputFolder folder_;
  FolderLock lock_;
};

/// Keeps other processes away from where a saved edit or an export goes, whose parent folders are made.
class SaveLock {
 public:
  explicit SaveLock(const std::filesystem::path& save);

 private:
  OutputFolder parent_;
  FolderLock lock_;
};

/// Where results go when the user does not say: out/PICTURE-TARGET, numbered where that is taken.
std::filesystem::path default_results_folder(const std::string& picture_name, const std::string& target);

/// Throws if the folder cannot be created: it is a file, or there is no right to write. An empty path is the
/// current folder.
void check_folder_can_be_made(const std::filesystem::path& folder);

}  // namespace forgedit
