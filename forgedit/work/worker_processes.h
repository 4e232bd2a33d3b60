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

/// Starts the worker processes of this host, and starts again what crashes: ends by a signal, or with
/// kRestartCode.
class WorkerProcesses {
 public:
  struct Command {
    std::vector<std::string> arguments;              ///< the first one is the program's path
    std::map<std::string, std::string> environment;  ///< over this process's own
  };
  struct Options {
    std::string input;  ///< what each reads from its standard input
    /// Before a crashed one is started again; each further crash without `progressed` doubles it, up to 30 s.
    std::chrono::milliseconds first_wait{1'000};
    std::size_t most_crashes = 10;                                             ///< in a row, of one worker
    std::function<void(std::size_t worker, const std::string& line)> on_line;  ///< of what they print
  };

  /// Starts all of them. Throws a failure where one cannot be started.
  WorkerProcesses(std::vector<Command> commands, Options options);
  /// Kills what still runs.
  ~WorkerProcesses();
  WorkerProcesses(const WorkerProcesses&) = delete;
  WorkerProcesses& operator=(const WorkerProcesses&) = delete;

  /// Reads what they print, and looks who has ended: false once none runs or is to be started any more.
  bool look();
  /// The crashes of a worker are forgotten.
  void progressed(std::size_t worker);
  /// Sends `signal` to all, of which none is started again.
  void stop(int signal);
  /// How each ended: its exit code, or 128 and the signal.
  std::vector<int> codes() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Process {
    Command command;
    pid_t id = 0;      // 0: does not run
    int output = -1;   // the reading end of its pipe
    std::string line;  // what it has printed of a line
    bool ended = false;
    int code = 0;
    std::size_t crashes = 0;
    Clock::time_point start_at;
  };

  void start(Process& process);
  void read_lines(Process& process);
  void reap(Process& process);

  std::vector<Process> processes_;
  Options options_;
  int input_ = -1;
  bool stopping_ = false;
};

}  // namespace forgedit
