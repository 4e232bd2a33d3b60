#pragma once

#include <string>

#include "forgedit/core/stop.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/jobs/places.h"
#include "forgedit/jobs/progress_meter.h"
#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// What every part of a job needs: the places of files, the listener, and the stop flag.
class JobContext {
 public:
  /// All three must outlive the job.
  JobContext(const Places& places, JobListener& listener, const StopFlag& stop)
      : places_(places), listener_(listener), stop_(stop) {}

  const Places& places() const { return places_; }
  JobListener& listener() { return listener_; }
  ProgressMeter& meter() { return meter_; }

  void note(const std::string& text) { listener_.note(text); }
  void warn(const std::string& text) { listener_.warning(text); }
  void file(const std::filesystem::path& path) { listener_.file(path); }
  void long_write() { listener_.long_write(); }

  /// Reports progress. Throws Cancelled if the stop flag is set.
  void progress(const Progress& progress);
  /// Ends a stage of progress, if one is open.
  void end_stage();
  /// Throws Cancelled if the stop flag is set.
  void throw_if_stopped();

 private:
  const Places& places_;
  JobListener& listener_;
  const StopFlag& stop_;
  ProgressMeter meter_;
};

}  // namespace forgedit
