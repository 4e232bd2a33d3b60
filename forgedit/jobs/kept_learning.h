#pragma once

#include <filesystem>
#include <future>
#include <string>

#include "forgedit/jobs/job_context.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

/// The learned weights of an edit that is not saved: kept in its results folder, as a saved edit, until the
/// run is complete. A run that was stopped then resumes without fine-tuning again. Each combination of
/// picture, source, model and fine-tuning settings has its own folder: "unfinished-<hash>.edit".
class KeptLearning {
 public:
  KeptLearning(const std::filesystem::path& results, const PictureToLearn& wanted);

  const std::filesystem::path& place() const { return place_; }
  /// Whether an earlier run left the weights that fine-tuning on `wanted` would give.
  bool has(const PictureToLearn& wanted) const;
  /// Begins to write in the background; the tensors must stay as they are. Says so where the disk lacks room.
  void begin_writing(const LearnedPicture& learned, const c10::Device& device, JobContext& job);
  /// Waits for the writing, and says where it failed.
  void end_writing(JobContext& job);
  /// Whether all of it is there.
  bool is_there() const { return is_saved_edit(place_); }
  /// Ends the writing where it is, because the run is complete, and removes what fine-tuning on `wanted`
  /// left.
  void drop(const PictureToLearn& wanted, JobContext& job);

 private:
  void finish(JobContext& job);

  std::filesystem::path place_;
  StopFlag not_needed_;
  std::future<void> writing_;  // uses the flag: its destructor waits
};

}  // namespace forgedit
