#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>

#include "forgedit/jobs/job_context.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

/// Keeps the learned weights of an edit without `save` in its results folder, as a saved edit, until the run
/// is complete. A stopped run then resumes without fine-tuning again. Writing begins after a delay, because a
/// run that ends soon needs no copy. Each combination of picture, source, model and fine-tuning settings has
/// its own folder: "unfinished-<hash>.edit".
class KeptLearning {
 public:
  KeptLearning(const std::filesystem::path& results, const PictureToLearn& wanted);

  const std::filesystem::path& place() const { return place_; }
  /// Whether an earlier run left the weights that fine-tuning on `wanted` would give.
  bool has(const PictureToLearn& wanted) const;
  /// The delay before writing starts: twice the time of fine-tuning, at most 6 s. A run that is killed before
  /// that loses its weights.
  static std::chrono::milliseconds delay_since(std::chrono::steady_clock::time_point fine_tuning_began);
  /// Writes in the background after `delay`; the tensors must not change until then. Writes nothing, and
  /// notes why, if the disk lacks room.
  void begin_writing(const LearnedPicture& learned, const c10::Device& device,
                     std::chrono::milliseconds delay, JobContext& job);
  /// Ends the delay, waits until the copy is written, and notes it if writing failed.
  void end_writing(JobContext& job);
  /// Whether the copy is complete.
  bool is_there() const { return is_saved_edit(place_); }
  /// Stops writing, because the run is complete, and removes the copy of the weights of `wanted`.
  void drop(const PictureToLearn& wanted, JobContext& job);

 private:
  void end_delay();
  void finish(JobContext& job);

  std::filesystem::path place_;
  StopFlag not_needed_;
  std::mutex mutex_;
  std::condition_variable delay_ends_;
  bool delay_ended_ = false;
  std::future<void> writing_;  // uses all members above; its destructor waits
};

}  // namespace forgedit
