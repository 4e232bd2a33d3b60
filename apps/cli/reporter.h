#pragma once

#include <functional>
#include <memory>

#include "forgedit/jobs/json_events.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// What a command says while it works, as its options want it: to people (Console), or as JSON to programs.
class Reporter {
 public:
  /// -q, -v and --json.
  void add_options(CLI::App& command);

  /// The listener of a job; call it once the options are parsed.
  JobListener& listener();

  /// Does the command's work; how that ends is an event too. What it throws comes on.
  void run(const std::function<void()>& work);

 private:
  void make();

  bool quiet_ = false, every_step_ = false, json_ = false;
  std::unique_ptr<JobListener> listener_;
  JsonEvents* events_ = nullptr;  // the listener, with --json
};

}  // namespace forgedit::cli
