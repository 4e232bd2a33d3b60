#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace forgedit {

/// Exit code of a worker process that is broken or was stopped, while a new one may continue. EX_TEMPFAIL of
/// sysexits.h: schedulers start such a job again.
inline constexpr int kRestartCode = 75;

/// Starts the worker processes of this host, and restarts those that crash, which means that they end by a
/// signal or with kRestartCode.
class WorkerProcesses {
 public:
  struct Command {
    std::vector<std::string> arguments;              ///< the first one is the program's path
    std::map<std::string, std::string> environment;  ///< added to this process's own
  };
  struct Options {
    std::string input;  ///< the standard input of each
    /// The time before a crashed process is restarted. Each further crash without `progressed` doubles it, up
    /// to 30 s.
    std::chrono::milliseconds first_wait{1'000};
    std::size_t most_crashes = 10;  ///< maximum of crashes of a worker in a row
    /// Called for each line that they print.
    std::function<void(std::size_t worker, const std::string& line)> on_line;
  };

  /// Starts all processes. Throws a failure if one cannot be started.
  WorkerProcesses(std::vector<Command> commands, Options options);
  /// Kills the processes that still run.
  ~WorkerProcesses();
  WorkerProcesses(const WorkerProcesses&) = delete;
  WorkerProcesses& operator=(const WorkerProcesses&) = delete;

  /// Reads what the processes print, and handles those that have ended. Returns false once none runs or is to
  /// be restarted.
  bool look();
  /// Resets the count of a worker's crashes.
  void progressed(std::size_t worker);
  /// Sends `signal` to all processes. None is restarted after that.
  void stop(int signal);
  /// The exit code of each process, or 128 plus its signal.
  std::vector<int> codes() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Process {
    Command command;
    pid_t id = 0;      // 0: does not run
    int output = -1;   // the reading end of its pipe
    std::string line;  // the beginning of a line that is not complete
    bool ended = false;
    int code = 0;
    std::size_t crashes = 0;
    Clock::time_point start_at;
  };

  void start(Process& process);
  void end_all();
  void read_lines(Process& process);
  void reap(Process& process);

  std::vector<Process> processes_;
  Options options_;
  int input_ = -1;
  bool stopping_ = false;
};

}  // namespace forgedit
