#include "forgedit/jobs/supervise.h"

#include <csignal>
#include <thread>

namespace forgedit {
namespace {

constexpr std::chrono::milliseconds kBetweenLooksAtWorkers{100};

}  // namespace

std::vector<int> supervise(const std::vector<WorkerProcesses::Command>& commands, const std::string& input,
                           const StopFlag& stop, JobListener& listener,
                           const std::function<JobProgress()>& look) {
  WorkerProcesses::Options options;
  options.input = input;
  options.restart_code = kRestartCode;
  options.on_line = [&](std::size_t worker, const std::string& line) {
    listener.note("worker " + std::to_string(worker + 1) + ": " + line);
  };
  listener.note(std::to_string(commands.size()) + (commands.size() == 1 ? " worker" : " workers"));
  WorkerProcesses processes(commands, options);
  bool told = false;
  for (auto before = look(); processes.look();) {
    listener.alive();
    if (stop.stopped() && !told) {
      processes.stop(SIGTERM);
      listener.stopping();
      told = true;
    }
    const auto now = look();
    if (now.done != before.done) processes.progressed();
    before = now;
    listener.progress(now);
    std::this_thread::sleep_for(kBetweenLooksAtWorkers);
  }
  stop.throw_if_stopped();
  return processes.codes();
}

}  // namespace forgedit
