#pragma once

#include "forgedit/jobs/job_listener.h"

namespace forgedit {

/// What a worker process tells its parent (forgedit/jobs/supervise.h): warnings, and what is finished. The
/// process ends with its parent from now on.
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
