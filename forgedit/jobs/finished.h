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

/// An image of an earlier run whose file is unchanged.
struct FinishedPicture {
  std::string file;  ///< file name in the folder
  std::string settings, content;
  std::optional<double> psnr;  ///< of the reconstruction
  std::string safety = {};     ///< the safety checker's verdict as JSON; empty: not checked
};

/// The images that earlier runs left in a results folder. The settings of an image are those that edit.json
/// lists for its content, even if the file was renamed; for an image in no record, those inside its PNG.
/// Links are not followed.
class FinishedPictures {
 public:
  /// Throws a failure if the record has a newer version or contains file names outside the folder.
  explicit FinishedPictures(const std::filesystem::path& folder);

  /// Returns an image with these settings and never the same one twice. Prefers the one with the file name
  /// `name`.
  std::optional<FinishedPicture> take(const std::string& settings, const std::string& name);
  /// Images that `take` has not returned.
  std::vector<FinishedPicture> left() const;
  /// Names of images that were damaged since they were recorded, or that contain a copy of another one.
  const std::set<std::string>& changed() const { return changed_; }
  /// Names of images that somebody has edited with other programs. A run never replaces them.
  const std::set<std::string>& retouched() const { return retouched_; }
  /// Numbered PNG files that neither a record nor their own text describes.
  const std::set<std::string>& unknown() const { return unknown_; }
  /// The verdict, as JSON, because of which the last run withheld the image with these settings; empty if it
  /// did not.
  std::string withheld(const std::string& settings) const;
  /// The losses of the last run's fine-tuning if it had the same picture, source, model and settings as `run`
  /// (run_json); else empty.
  std::vector<double> losses_of(const nlohmann::json& run) const;

 private:
  void read_record(const std::filesystem::path& path);
  void add_file(const std::filesystem::path& folder, const std::string& name);

  std::map<std::string, FinishedPicture> recorded_;  // by name, as the record has them
  std::multimap<std::string, FinishedPicture> by_settings_;
  std::set<std::string> changed_, retouched_, unknown_;
  std::map<std::string, std::string> withheld_;  // verdicts by settings
  std::map<std::string, std::string> learning_;  // settings that losses_ belong to: JSON text by key
  std::vector<double> losses_;
};

/// The number at the start of an image's file name; 0 if it has none.
std::size_t number_of(const std::string& file);

/// Renames files in `folder`. No new name may be that of a file which keeps its name. If the process is
/// killed, every file has its old name, its new one, or a numbered temporary one.
void rename_all(const std::filesystem::path& folder, std::map<std::string, std::string> new_names);

}  // namespace forgedit
