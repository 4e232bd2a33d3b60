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
  /// Lines longer than this break the link: the worker is killed. A job's result tells the target of each of
  /// its 200 pictures at most twice, and 4,000 bytes of text are at most 24,000 of JSON: under 10 MiB.
  static constexpr std::size_t kMostLine = std::size_t{16} << 20;

  /// Starts the process, in a group of its own, so that signals of a terminal do not reach it. Throws a
  /// failure where it cannot be started.
  explicit WorkerLink(const WorkerProcesses::Command& command);
  /// Kills it if it still runs.
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  /// What to poll for lines.
  int output() const { return output_; }
  pid_t process() const { return process_; }
  /// Sends a line; one that the process no longer takes is lost: it is about to end.
  void send(const std::string& line);
  /// The lines that have come, without waiting.
  std::vector<std::string> read_lines();
  /// No more lines go in: the process ends once it is done.
  void close_input();
  void kill();
  /// How it ended, for people ("signal 9", "exit code 1"), once it has.
  std::optional<std::string> ended();

 private:
  pid_t process_ = 0;  // 0: has ended
  int input_ = -1, output_ = -1;
  std::string line_;
  std::string how_;
};

}  // namespace forgedit
