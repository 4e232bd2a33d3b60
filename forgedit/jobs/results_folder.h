#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/core/folder_lock.h"

namespace forgedit {

/// File names of the results besides the images.
inline constexpr const char* kRecordFile = "edit.json";
inline constexpr const char* kSheetFile = "sheet.png";
inline constexpr const char* kReportFile = "report.html";
inline constexpr const char* kChartFile = "chart.png";

/// Creates a folder for results, and removes it in the destructor if it is still empty.
class OutputFolder {
 public:
  explicit OutputFolder(const std::filesystem::path& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  std::vector<std::filesystem::path> made_;  // created folders, deepest first
};

/// Creates and locks a folder of results, and deletes temporary files that killed processes left there.
/// Throws Error if another process has the lock.
class ResultsFolder {
 public:
  explicit ResultsFolder(const std::filesystem::path& path);

 private:
  OutputFolder folder_;
  FolderLock lock_;
};

/// Locks the place of a saved edit or an export against other processes, and creates its parent folders.
/// Throws Error if another process has the lock.
class SaveLock {
 public:
  explicit SaveLock(const std::filesystem::path& save);

 private:
  OutputFolder parent_;
  FolderLock lock_;
};

/// The default folder of results: out/PICTURE-TARGET, with a number at the end if that exists.
std::filesystem::path default_results_folder(const std::string& picture_name, const std::string& target);

/// Throws Error if the folder cannot be created: it is a file, or writing is not permitted. An empty path is
/// the current folder.
void check_folder_can_be_made(const std::filesystem::path& folder);

}  // namespace forgedit
