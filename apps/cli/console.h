#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <string>

#include "forgedit/pipelines/model/progress.h"

namespace forgedit::cli {

/// What the program says while it works: notes and progress on stderr, paths of results on stdout. On a
/// terminal progress is one line that is written over and fits its width; elsewhere (and where TERM is
/// "dumb") a line now and then. Colours are for terminals, unless NO_COLOR is set.
class Console {
 public:
  Console();
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Always one line, see one_line.
  void note(const std::string& text);
  /// A note that nobody should overlook: yellow on a terminal.
  void highlight(const std::string& text);
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
  double seconds_left(const Progress& progress) const;

  std::string stage_;
  std::deque<Mark> marks_;  // recent steps, for the time left
  Clock::time_point stage_start_, shown_;
  std::int64_t stage_done_ = 0;
  std::int64_t shown_tenths_ = 0;
};

/// Sends what the library logs to stderr as "warning: ..." (yellow) or "error: ..." (red), below a line of
/// progress and never into it.
void log_to_console();

/// Ends the program's talk: "forgedit: MESSAGE" on stderr in one line, red on a terminal.
void say_error(const std::string& message);

}  // namespace forgedit::cli
