#include "apps/common/worker_listener.h"

#include <sys/prctl.h>

#include <csignal>
#include <cstdio>

#include "apps/common/interrupt.h"
#include "apps/common/streams.h"
#include "forgedit/jobs/supervise.h"

namespace forgedit {

WorkerListener::WorkerListener() {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void WorkerListener::warning(const std::string& text) {
  std::fputs((text + "\n").c_str(), stderr);
}

void WorkerListener::file(const std::filesystem::path& path) {
  print(std::string(kFinished) + path.string() + "\n");
  flush_stdout();
}

void WorkerListener::alive() {
  looked_at_stop();
}

void WorkerListener::long_write() {
  allow_long_pause();
}

void WorkerListener::stopping() {
  allow_last_writes();
}

}  // namespace forgedit
