#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/pipelines/edit_plan.h"

namespace forgedit::cli {

/// A picture of an earlier run that is still in its folder, byte for byte.
struct FinishedPicture {
  std::string file;  ///< name inside of the folder
  std::string settings, content;
  std::optional<double> psnr;  ///< of the reconstruction
};

/// Whether the file is there and holds what the record says.
bool is_as_recorded(const std::filesystem::path& folder, const FinishedPicture& picture);

/// What an earlier run left in a results folder, as its edit.json says. A picture counts only with the
/// settings that the record has for it and the content that it was written with: never by its name.
class FinishedPictures {
 public:
  /// A folder without a record, or with one that cannot be read, has none.
  explicit FinishedPictures(const std::filesystem::path& folder);

  /// Hands out the picture with these settings, each only once.
  std::optional<FinishedPicture> take(const std::string& settings);
  /// Pictures that nobody took.
  std::vector<FinishedPicture> left() const;
  /// Of the run that left them: pictures with the same settings came from the same learning.
  const std::vector<double>& losses() const { return losses_; }

 private:
  std::multimap<std::string, FinishedPicture> by_settings_;
  std::vector<double> losses_;
};

/// Gives files in `folder` new names, all at once: names may change places.
void rename_all(const std::filesystem::path& folder, const std::map<std::string, std::string>& new_names);

}  // namespace forgedit::cli
