#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <string>

#include "forgedit/pipelines/progress.h"

namespace forgedit::cli {

/// What the program says while it works: notes and progress on stderr, paths of results on stdout. On a
/// terminal progress is one line that is written over; elsewhere a line now and then.
class Console {
 public:
  Console();
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void note(const std::string& text);
  /// Shows where the job stands; throws Cancelled when the user asked to stop.
  void progress(const Progress& progress);
  /// Ends the line of progress and says how long the stage took; call between stages.
  void end_stage();
  void result(const std::filesystem::path& path);

 private:
  using Clock = std::chrono::steady_clock;
  struct Mark {
    Clock::time_point time;
    std::int64_t done;
  };

  void start_stage(const Progress& progress);
  std::string line(const Progress& progress) const;
  double seconds_left(const Progress& progress) const;
  void clear_line();

  bool terminal_;
  bool line_open_ = false;
  std::string stage_;
  std::deque<Mark> marks_;  // recent steps, for the time left
  Clock::time_point stage_start_, shown_;
  std::int64_t stage_done_ = 0;
  std::int64_t shown_tenths_ = 0;
};

}  // namespace forgedit::cli
