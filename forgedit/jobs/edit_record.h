#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/kept_picture.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// The version of edit.json and of the settings inside PNG files.
inline constexpr int kRunFormat = 1;

/// Everything that determines the images of one run. It is written to edit.json and into the PNG files.
struct EditRun {
  std::vector<EditRequest> requests;
  DrawOptions draw;
  PictureToLearn picture;
  std::string model_name;
  ComputePolicy policy;
  bool at_source_size = false;
  bool automatic = false;           ///< only images that the automatic choice requests are generated
  std::string memory = {};          ///< how memory is saved while generating; empty: not at all
  std::vector<double> losses = {};  ///< losses of fine-tuning; empty before it
  std::shared_ptr<const KeptPicture> kept = nullptr;  ///< null: edits may change the whole picture
  /// The picture as it was read, if results of its size keep a part of it; else null.
  std::shared_ptr<const Image> source = nullptr;
  std::shared_ptr<const EditedPhoto> photo = nullptr;  ///< null: the whole picture is edited
  SafetyMode safety = SafetyMode::off;
};

// None of these contains a local path: files and folders are named by the last part of their paths.

/// The settings of a sweep.
nlohmann::json sweep_json(const EditRequest& request);

/// All settings of the run, without its images.
nlohmann::json run_json(const EditRun& run);

/// The settings that distinguish one image from the others of its run.
nlohmann::json candidate_json(const Candidate& candidate);

/// Removes all but one image from a plan.
void keep_only(const OnlyPicture& only, const EditRun& run, std::vector<Candidate>& plan);

/// Lists the images of a plan, in the form of JobListener::planned.
nlohmann::json cells_json(const std::vector<Candidate>& plan);

/// A hash of everything that determines the pixels of one image, and of whether it was checked: the same key
/// means the same image.
std::string settings_key(const EditRun& run, const Candidate& candidate);
/// Reads the same key from the text chunk `forgedit` of an image; empty if the text is not valid.
std::string settings_key_of_text(const std::string& text);

/// The text chunks of an image: `parameters` for people (prompt, then settings in one line) and `forgedit`
/// for programs (JSON).
PngText picture_text(const EditRun& run, const Candidate& candidate);

}  // namespace forgedit
