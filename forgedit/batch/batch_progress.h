#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "forgedit/batch/batch_folder.h"
#include "forgedit/batch/batch_list.h"
#include "forgedit/jobs/job_listener.h"

namespace forgedit {

/// The progress of all workers together on a list, and the time left.
class BatchProgress {
 public:
  /// Both must outlive it.
  BatchProgress(const BatchList& list, const BatchFolder& folder);

  /// Reads the folder again.
  void look();
  /// The same, if it was last read some time ago.
  void look_now_and_then();

  /// Call when this worker has done an edit of the list.
  void add_done(const std::string& id);

  bool is_done(const std::string& id) const { return done_.count(id) > 0; }
  /// The failure of an edit that is not done; null if there is none.
  const EditFailure* failure(const std::string& id) const;
  bool is_settled(const std::string& id) const;
  std::size_t done() const { return done_count_; }
  std::size_t failed() const { return failed_count_; }
  std::size_t settled() const { return done_count_ + failed_count_; }
  bool is_complete() const { return settled() == list_.edits.size(); }
  /// Sets the expected seconds per edit, for all workers together. It is used until the first edit is
  /// finished.
  void expect_seconds(double seconds);
  /// The progress of the list for a listener; its steps are edits.
  JobProgress progress() const;

 private:
  using Clock = std::chrono::steady_clock;

  const BatchList& list_;
  const BatchFolder& folder_;
  std::set<std::string> done_;
  std::map<std::string, EditFailure> failures_;
  std::size_t done_count_ = 0, failed_count_ = 0;
  std::size_t settled_before_ = 0;  // settled edits when this worker began
  Clock::time_point begin_, last_look_;
  Clock::duration pause_{};  // until the next look
  double expected_ = -1;     // seconds per edit; negative: unknown
};

}  // namespace forgedit
