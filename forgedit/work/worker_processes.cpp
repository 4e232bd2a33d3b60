#include "forgedit/work/worker_processes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/work/spawn.h"

namespace forgedit {
namespace {

constexpr std::chrono::milliseconds kLongestWait{30'000};

/// Creates a file in memory. Each process opens it for itself and reads it from the beginning.
int memory_file(const std::string& contents) {
  const int file = ::memfd_create("forgedit-input", 0);
  if (file < 0) throw failure(std::string("cannot create an in-memory file: ") + std::strerror(errno));
  for (std::size_t done = 0; done < contents.size();) {
    const auto written = ::write(file, contents.data() + done, contents.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw failure(std::string("cannot write an in-memory file: ") + std::strerror(errno));
    done += static_cast<std::size_t>(written);
  }
  return file;
}

}  // namespace

WorkerProcesses::WorkerProcesses(std::vector<Command> commands, Options options)
    : options_(std::move(options)) {
  input_ = memory_file(options_.input);
  for (auto& command : commands) {
    Process process;
    process.command = std::move(command);
    processes_.push_back(std::move(process));
  }
  try {
    for (auto& process : processes_) start(process);
  } catch (...) {
    end_all();
    throw;
  }
}

WorkerProcesses::~WorkerProcesses() {
  end_all();
}

void WorkerProcesses::end_all() {
  for (auto& process : processes_) {
    if (process.id > 0) {
      ::kill(process.id, SIGKILL);
      ::waitpid(process.id, nullptr, 0);
    }
    if (process.output >= 0) ::close(process.output);
  }
  ::close(input_);
}

void WorkerProcesses::start(Process& process) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    throw failure(std::string("cannot create a pipe: ") + std::strerror(errno));
  ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  const auto input = "/proc/self/fd/" + std::to_string(input_);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  const auto& [arguments, environment] = process.command;
  const int error = spawn(arguments, environment, actions, process.id);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  process.output = pipe[0];
  if (error == 0) return;
  process.id = 0;
  throw failure(arguments.front() + ": cannot be started: " + std::strerror(error));
}

void WorkerProcesses::read_lines(Process& process) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto count = ::read(process.output, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    process.line.append(buffer.data(), static_cast<std::size_t>(count));
    for (auto end = process.line.find('\n'); end != std::string::npos; end = process.line.find('\n')) {
      const auto line = process.line.substr(0, end);
      process.line.erase(0, end + 1);
      if (options_.on_line && !is_blank(line)) {
        options_.on_line(static_cast<std::size_t>(&process - processes_.data()), line);
      }
    }
  }
}

void WorkerProcesses::reap(Process& process) {
  int status = 0;
  if (::waitpid(process.id, &status, WNOHANG) != process.id) return;
  read_lines(process);
  ::close(process.output);
  process.output = -1;
  process.id = 0;
  process.line.clear();
  process.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  const bool crashed = WIFSIGNALED(status) || process.code == kRestartCode;
  process.ended = stopping_ || !crashed || ++process.crashes > options_.most_crashes;
  const auto doublings = std::min<std::size_t>(process.crashes, 10);
  process.start_at = Clock::now() + std::min(kLongestWait, options_.first_wait * (1U << doublings) / 2);
}

bool WorkerProcesses::look() {
  bool any = false;
  for (auto& process : processes_) {
    if (process.id > 0) {
      read_lines(process);
      reap(process);
    } else if (!process.ended && stopping_) {
      process.ended = true;
    } else if (!process.ended && Clock::now() >= process.start_at) {
      start(process);
    }
    any = any || !process.ended;
  }
  return any;
}

void WorkerProcesses::progressed(std::size_t worker) {
  processes_.at(worker).crashes = 0;
}

void WorkerProcesses::stop(int signal) {
  stopping_ = true;
  for (const auto& process : processes_) {
    if (process.id > 0) ::kill(process.id, signal);
  }
}

std::vector<int> WorkerProcesses::codes() const {
  std::vector<int> codes;
  for (const auto& process : processes_) codes.push_back(process.code);
  return codes;
}

}  // namespace forgedit
