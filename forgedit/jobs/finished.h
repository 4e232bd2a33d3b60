#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

/// A picture of an earlier run that is still in its folder, byte for byte.
struct FinishedPicture {
  std::string file;  ///< name inside of the folder
  std::string settings, content;
  std::optional<double> psnr;  ///< of the reconstruction
  std::string safety = {};     ///< the safety checker's verdict as JSON; empty: none
};

/// What earlier runs left in a results folder. The settings of an image are those that edit.json has for its
/// content, whatever its file name is now; for an image that is in no record, those inside its PNG. Links are
/// not followed.
class FinishedPictures {
 public:
  /// Throws a failure for a record of a newer version, and for one whose names lead out of the folder.
  explicit FinishedPictures(const std::filesystem::path& folder);

  /// Returns the image with these settings, each only once; of several, the one with the file name `name`.
  std::optional<FinishedPicture> take(const std::string& settings, const std::string& name);
  /// Images that `take` has not returned.
  std::vector<FinishedPicture> left() const;
  /// Names of images that were damaged since they were recorded, or that contain a copy of another one.
  const std::set<std::string>& changed() const { return changed_; }
  /// Names of pictures that somebody has changed since: not ours any more.
  const std::set<std::string>& retouched() const { return retouched_; }
  /// Numbered PNG files of which neither a record nor their own text says what they are.
  const std::set<std::string>& unknown() const { return unknown_; }
  /// The verdict, as JSON, for which the last run withheld the picture with these settings; empty: it did
  /// not.
  std::string withheld(const std::string& settings) const;
  /// Of the last run's learning, where `run` (run_json) has the same picture, source, model and settings.
  std::vector<double> losses_of(const nlohmann::json& run) const;

 private:
  void read_record(const std::filesystem::path& path);
  void add_file(const std::filesystem::path& folder, const std::string& name);

  std::map<std::string, FinishedPicture> recorded_;  // by name, as the record has them
  std::multimap<std::string, FinishedPicture> by_settings_;
  std::set<std::string> changed_, retouched_, unknown_;
  std::map<std::string, std::string> withheld_;  // verdicts by settings
  std::map<std::string, std::string> learning_;  // what losses_ belong to: JSON text by key
  std::vector<double> losses_;
};

/// The number that a picture's name begins with; 0 where it has none.
std::size_t number_of(const std::string& file);

/// Renames files in `folder`, each to a name that none of the others keeps. A kill leaves every file under
/// its old name, its new one, or a numbered one.
void rename_all(const std::filesystem::path& folder, std::map<std::string, std::string> new_names);

}  // namespace forgedit
