#pragma once

#include "forgedit/jobs/job_listener.h"

namespace forgedit {

/// Sends a worker's warnings and finished files to its parent (forgedit/jobs/supervise.h). Once it is
/// constructed, the process ends with its parent.
class WorkerListener : public JobListener {
 public:
  WorkerListener();
  void warning(const std::string& text) override;
  void file(const std::filesystem::path& path) override;
  void alive() override;
  void long_write() override;
  void stopping() override;
};

}  // namespace forgedit
