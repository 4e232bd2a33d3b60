#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The progress of a job.
struct JobProgress {
  std::string stage;      ///< "learning" or "generating images"
  std::int64_t done = 0;  ///< finished steps of the stage
  std::int64_t total = 0;
  double loss = 0;           ///< while fine-tuning: the loss of the step
  double seconds_left = -1;  ///< until the whole job is done; negative if unknown
  double share = 0;  ///< finished share of the whole job's time, 0 to 1; of the stage if there is no plan
};

/// The plan of a job, sent before anything slow starts.
struct JobPlan {
  std::string text;           ///< for people: "3 targets × 5 strengths = 15 images"
  std::int64_t pictures = 0;  ///< number of images to generate
  double seconds = -1;        ///< estimated time; negative if unknown
};

/// Receives the events of a job. All calls come from the thread that runs the job, one at a time; all do
/// nothing unless overridden.
class JobListener {
 public:
  virtual ~JobListener() = default;

  virtual void note(const std::string& /*text*/) {}
  virtual void warning(const std::string& /*text*/) {}
  virtual void plan(const JobPlan& /*plan*/) {}
  /// The images that the job will generate, as far as known: a list of objects with "stem" and the keys of
  /// `entry` of `picture`. The automatic choice calls this again, with more images, in each round.
  virtual void planned(const nlohmann::json& /*cells*/) {}
  virtual void progress(const JobProgress& /*progress*/) {}
  virtual void stage_ended(const std::string& /*stage*/, std::int64_t /*steps*/, double /*seconds*/) {}
  /// The source prompt that the captioner wrote.
  virtual void caption(const std::string& /*text*/) {}
  /// In a caption job: the caption of one picture.
  virtual void captioned(const std::filesystem::path& /*picture*/, const std::string& /*text*/) {}
  /// In a scoring job: "file", "width", "height" and "scores" (by metric) of one edited image.
  virtual void scored(const nlohmann::json& /*picture*/) {}
  /// In a job that generates one image: that image.
  virtual void image(const Image& /*image*/) {}
  /// Fine-tuning has ended; `folder` is the saved edit, or empty.
  virtual void learned(const std::filesystem::path& /*folder*/, const std::vector<double>& /*losses*/) {}
  /// The file of a generated image is complete. `entry` is its entry in edit.json: target, strategy,
  /// strengths, seed.
  virtual void picture(const std::string& /*stem*/, const std::filesystem::path& /*file*/,
                       const nlohmann::json& /*entry*/) {}
  /// Whether `preview` should be called, which takes a little time at every step.
  virtual bool wants_previews() const { return false; }
  /// A preview of an image after a step, at the size of its latents. Called for the first step, then every
  /// half second.
  virtual void preview(const std::string& /*stem*/, std::int64_t /*step*/, const Image& /*small*/) {}
  /// Called after each round of the automatic choice. `best` has the best candidates of each target so far,
  /// as in key "auto" of edit.json, and "points": for each stem "scores", "counts" and, if known, "edit" and
  /// "kept".
  virtual void choice(const nlohmann::json& /*best*/) {}
  /// Another result is complete: a sheet, a record, an export.
  virtual void file(const std::filesystem::path& /*path*/) {}
  /// The job has checked the StopFlag, so it is alive.
  virtual void alive() {}
  /// A long write starts, during which the StopFlag is not checked.
  virtual void long_write() {}
  /// The job has seen the StopFlag: it writes what is finished, then ends.
  virtual void stopping() {}
};

}  // namespace forgedit
