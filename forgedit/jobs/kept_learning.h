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

/// The learned weights of an edit that is not saved: kept in its results folder, as a saved edit, until the
/// run is complete. A run that was stopped then resumes without fine-tuning again. A run that is soon
/// complete needs no copy: writing begins after a delay. Each combination of picture, source, model and
/// fine-tuning settings has its own folder: "unfinished-<hash>.edit".
class KeptLearning {
 public:
  KeptLearning(const std::filesystem::path& results, const PictureToLearn& wanted);

  const std::filesystem::path& place() const { return place_; }
  /// Whether an earlier run left the weights that fine-tuning on `wanted` would give.
  bool has(const PictureToLearn& wanted) const;
  /// How long a run that is killed may have generated for nothing: twice as long as fine-tuning took, at most
  /// 6 s.
  static std::chrono::milliseconds delay_since(std::chrono::steady_clock::time_point fine_tuning_began);
  /// Writes in the background after `delay`; the tensors must stay as they are. Says so where the disk lacks
  /// room.
  void begin_writing(const LearnedPicture& learned, const c10::Device& device,
                     std::chrono::milliseconds delay, JobContext& job);
  /// Has it written now where the delay is not over, waits for that, and says where it failed.
  void end_writing(JobContext& job);
  /// Whether all of it is there.
  bool is_there() const { return is_saved_edit(place_); }
  /// Ends the writing where it is, or before it begins, because the run is complete, and removes what
  /// fine-tuning on `wanted` left.
  void drop(const PictureToLearn& wanted, JobContext& job);

 private:
  void end_delay();
  void finish(JobContext& job);

  std::filesystem::path place_;
  StopFlag not_needed_;
  std::mutex mutex_;
  std::condition_variable delay_ends_;
  bool delay_ended_ = false;
  std::future<void> writing_;  // uses all of these: its destructor waits
};

}  // namespace forgedit
