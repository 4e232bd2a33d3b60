#include "forgedit/jobs/supervise.h"

#include <csignal>
#include <thread>

#include "forgedit/core/text.h"

namespace forgedit {
namespace {

constexpr std::chrono::milliseconds kBetweenLooksAtWorkers{100};

}  // namespace

bool breaks_worker(const std::exception& error) {
  const std::string text = error.what();
  return text.find("CUDA error") != std::string::npos || text.find("cuDNN error") != std::string::npos ||
         text.find("CUBLAS_STATUS") != std::string::npos;
}

std::vector<int> supervise(const std::vector<WorkerProcesses::Command>& commands, const std::string& input,
                           const StopFlag& stop, JobListener& listener,
                           const std::function<JobProgress()>& look) {
  WorkerProcesses::Options options;
  options.input = input;
  std::vector<std::size_t> finishing;
  options.on_line = [&](std::size_t worker, const std::string& line) {
    if (!starts_with(line, kFinished)) {
      listener.note("worker " + std::to_string(worker + 1) + ": " + line);
      return;
    }
    finishing.push_back(worker);
    listener.file(line.substr(kFinished.size()));
  };
  listener.note(std::to_string(commands.size()) + (commands.size() == 1 ? " worker" : " workers"));
  WorkerProcesses processes(commands, options);
  bool told = false;
  while (processes.look()) {
    listener.alive();
    if (stop.stopped() && !told) {
      processes.stop(SIGTERM);
      listener.stopping();
      told = true;
    }
    for (const auto worker : finishing) processes.progressed(worker);
    finishing.clear();
    listener.progress(look());
    std::this_thread::sleep_for(kBetweenLooksAtWorkers);
  }
  stop.throw_if_stopped();
  return processes.codes();
}

}  // namespace forgedit
