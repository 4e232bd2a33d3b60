#pragma once

#include <functional>
#include <memory>

#include "forgedit/jobs/json_events.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Prints what a command reports while it works, as its options want it: as text (Console), or as JSON for
/// programs.
class Reporter {
 public:
  /// Adds -q, -v and --json.
  void add_options(CLI::App& command);

  /// The listener of a job; call it once the options are parsed.
  JobListener& listener();

  /// Runs the command's work. With --json, its start and end are events too. Passes exceptions on.
  void run(const std::function<void()>& work);

 private:
  void make();

  bool quiet_ = false, every_step_ = false, json_ = false;
  std::unique_ptr<JobListener> listener_;
  JsonEvents* events_ = nullptr;  // the listener, with --json
};

}  // namespace forgedit::cli
