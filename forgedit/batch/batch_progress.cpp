#include "forgedit/batch/batch_progress.h"

#include <algorithm>

namespace forgedit {
namespace {

/// Reading the folder costs time on the file server and here. At most one part in kTimePerLook of the
/// worker's time is spent on it.
constexpr std::chrono::seconds kBetweenLooks{2};
constexpr int kTimePerLook = 50;

}  // namespace

BatchProgress::BatchProgress(const BatchList& list, const BatchFolder& folder)
    : list_(list), folder_(folder), begin_(Clock::now()) {
  look();
  settled_before_ = settled();
}

void BatchProgress::look() {
  const auto begin = Clock::now();
  done_ = folder_.done();
  failures_ = folder_.failures();
  done_count_ = failed_count_ = 0;
  for (const auto& edit : list_.edits) {
    if (is_done(edit.id)) {
      ++done_count_;
    } else if (is_settled(edit.id)) {
      ++failed_count_;
    }
  }
  last_look_ = Clock::now();
  pause_ = std::max<Clock::duration>(kBetweenLooks, kTimePerLook * (last_look_ - begin));
}

void BatchProgress::look_now_and_then() {
  if (Clock::now() - last_look_ >= pause_) look();
}

void BatchProgress::add_done(const std::string& id) {
  if (done_.insert(id).second) ++done_count_;
}

const EditFailure* BatchProgress::failure(const std::string& id) const {
  const auto found = failures_.find(id);
  return found == failures_.end() || is_done(id) ? nullptr : &found->second;
}

bool BatchProgress::is_settled(const std::string& id) const {
  const auto* failed = failure(id);
  return is_done(id) || (failed && failed->is_final);
}

void BatchProgress::expect_seconds(double seconds) {
  if (expected_ < 0) expected_ = seconds;
}

JobProgress BatchProgress::progress() const {
  JobProgress progress;
  progress.stage = failed_count_ == 0 ? "edits" : "edits (" + std::to_string(failed_count_) + " failed)";
  progress.done = static_cast<std::int64_t>(settled());
  progress.total = static_cast<std::int64_t>(list_.edits.size());
  const auto left = static_cast<double>(progress.total - progress.done);
  const auto now = settled() - settled_before_;
  const double passed = std::chrono::duration<double>(Clock::now() - begin_).count();
  if (now > 0) {
    progress.seconds_left = left * passed / static_cast<double>(now);
  } else if (expected_ >= 0) {
    progress.seconds_left = left * expected_;
  }
  progress.share =
      progress.total > 0 ? static_cast<double>(progress.done) / static_cast<double>(progress.total) : 1;
  return progress;
}

}  // namespace forgedit
