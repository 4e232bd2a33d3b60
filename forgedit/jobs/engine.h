#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "forgedit/core/stop.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/jobs/places.h"
#include "forgedit/jobs/requests.h"

namespace forgedit {

struct EngineOptions {
  ModelRequest model;
  /// Whether networks stay in memory from one job to the next. Without it the captioner goes as soon as the
  /// model is loaded: for a program that runs one job.
  bool keep_warm = true;
};

/// Runs jobs, one at a time: requests in, files and events out. It prints nothing and reads no environment.
/// Model, captioner, judge and the last learned pictures stay warm. Use it from one thread.
class Engine {
 public:
  Engine(Places places, EngineOptions options);
  ~Engine();

  /// Runs a job to its end. Throws Error for a request that cannot be done, and Cancelled once `stop` is set,
  /// with what is kept.
  void run(const JobRequest& request, const StopFlag& stop, JobListener& listener);

  /// One more picture of a saved edit, at the size of the picture; with a learned picture that is warm it
  /// costs no more than its steps.
  Image draw_one(const DrawRequest& request, const StopFlag& stop, JobListener& listener);

  /// Whether the model is in memory.
  bool is_loaded() const;
  /// Gives the memory of all networks back.
  void unload();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forgedit
