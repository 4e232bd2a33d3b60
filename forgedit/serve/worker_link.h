#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "forgedit/work/worker_processes.h"

namespace forgedit {

/// One worker process and the two channels to it: lines of JSON go in on its standard input and come out of
/// its standard output; its standard error is this process's. Use it from one thread.
class WorkerLink {
 public:
  /// The maximum length of a line in bytes; a worker that sends a longer one is killed. A job's result has
  /// the prompt of each of its 200 images at most twice, and 4,000 bytes of text are at most 24,000 bytes of
  /// JSON: under 10 MiB.
  static constexpr std::size_t kMostLine = std::size_t{16} << 20;

  /// Starts the process, in a group of its own, so that signals of a terminal do not reach it. Throws a
  /// failure if it cannot be started.
  explicit WorkerLink(const WorkerProcesses::Command& command);
  /// Kills it if it still runs.
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  /// The file descriptor to poll for lines.
  int output() const { return output_; }
  pid_t process() const { return process_; }
  /// Sends a line. If the process does not take it, the line is lost and the process is killed.
  void send(const std::string& line);
  /// Returns the lines that have arrived, without waiting.
  std::vector<std::string> read_lines();
  /// Closes the process's input, after which it ends.
  void close_input();
  void kill();
  /// How the process ended ("signal 9", "exit code 1"); nothing while it runs.
  std::optional<std::string> ended();

 private:
  pid_t process_ = 0;  // 0: has ended
  int input_ = -1, output_ = -1;
  std::string line_;
  std::string how_;
};

}  // namespace forgedit
