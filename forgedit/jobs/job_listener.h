#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Where a job stands.
struct JobProgress {
  std::string stage;      ///< "learning" or "generating images"
  std::int64_t done = 0;  ///< steps of the stage
  std::int64_t total = 0;
  double loss = 0;           ///< while learning: the step's loss
  double seconds_left = -1;  ///< of all stages that are still to come; negative where it is not known
  double share = 0;          ///< of the whole job's time, from 0 to 1; of the stage where no plan is known
};

/// What is to be done, before anything takes long.
struct JobPlan {
  std::string text;           ///< for people: "3 targets × 5 strengths = 15 images"
  std::int64_t pictures = 0;  ///< to generate
  double seconds = -1;        ///< about; negative where it is not known
};

/// Receives the events of a job. All calls come from the thread that runs the job, one at a time; all do
/// nothing unless overridden.
class JobListener {
 public:
  virtual ~JobListener() = default;

  virtual void note(const std::string& /*text*/) {}
  virtual void warning(const std::string& /*text*/) {}
  virtual void plan(const JobPlan& /*plan*/) {}
  /// The images that the job generates, as far as it knows: a list of "stem" and what `picture` has as its
  /// entry. The automatic choice calls it again, with more, in each round.
  virtual void planned(const nlohmann::json& /*cells*/) {}
  virtual void progress(const JobProgress& /*progress*/) {}
  virtual void stage_ended(const std::string& /*stage*/, std::int64_t /*steps*/, double /*seconds*/) {}
  /// The source prompt that the captioner wrote.
  virtual void caption(const std::string& /*text*/) {}
  /// Of a job for captions: what a picture shows.
  virtual void captioned(const std::filesystem::path& /*picture*/, const std::string& /*text*/) {}
  /// Of a job for scores: an edited picture's "file", "width", "height" and "scores" by metric.
  virtual void scored(const nlohmann::json& /*picture*/) {}
  /// Of a job for one image.
  virtual void image(const Image& /*image*/) {}
  /// Fine-tuning has ended; `folder` is the saved edit, or empty.
  virtual void learned(const std::filesystem::path& /*folder*/, const std::vector<double>& /*losses*/) {}
  /// A generated picture is complete in its file; `entry` says which it is: target, strategy,
  /// strengths, seed, as its entry in edit.json does.
  virtual void picture(const std::string& /*stem*/, const std::filesystem::path& /*file*/,
                       const nlohmann::json& /*entry*/) {}
  /// Whether `preview` is wanted: it costs a little time at every step.
  virtual bool wants_previews() const { return false; }
  /// What a picture looks like after a step, at the size of its latents: the first one, then one each
  /// half second.
  virtual void preview(const std::string& /*stem*/, std::int64_t /*step*/, const Image& /*small*/) {}
  /// After each round of the automatic choice: the best of each target so far, as edit.json's key "auto", and
  /// "points": by stem "scores", "counts" and, where there are any, "edit" and "kept" of all candidates.
  virtual void choice(const nlohmann::json& /*best*/) {}
  /// Another result is complete: a sheet, a record, an export.
  virtual void file(const std::filesystem::path& /*path*/) {}
  /// The job looks at the StopFlag: it is alive.
  virtual void alive() {}
  /// What follows is written as a whole, and nothing looks at the StopFlag meanwhile.
  virtual void long_write() {}
  /// The StopFlag was seen: the job ends, and writes what it has finished.
  virtual void stopping() {}
};

}  // namespace forgedit
