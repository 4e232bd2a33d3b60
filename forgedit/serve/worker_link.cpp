#include "forgedit/serve/worker_link.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/work/spawn.h"

namespace forgedit {
namespace {

// A living process takes at least some bytes within this time, in milliseconds.
constexpr int kSendMs = 5'000;

/// Returns the child's end and this process's end of a new socket; both close when another program starts. It
/// is a socket because writing to a pipe without a reader raises a signal.
std::array<int, 2> new_input() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0) return ends;
  throw failure(std::string("cannot create a socket: ") + std::strerror(errno));
}

}  // namespace

WorkerLink::WorkerLink(const WorkerProcesses::Command& command) {
  const auto in = new_input();
  std::array<int, 2> out{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0) {
    const int error = errno;
    for (const int end : in) ::close(end);
    throw failure(std::string("cannot create a pipe: ") + std::strerror(error));
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  const int error = spawn(command.arguments, command.environment, actions, process_, /*own_group=*/true);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
  if (error != 0) {
    ::close(input_);
    ::close(output_);
    throw failure(command.arguments.front() + ": cannot be started: " + std::strerror(error));
  }
  ::fcntl(input_, F_SETFL, O_NONBLOCK);
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
}

WorkerLink::~WorkerLink() {
  close_input();
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  ::close(output_);
}

void WorkerLink::send(const std::string& line) {
  const auto text = line + "\n";
  for (std::size_t done = 0; done < text.size() && input_ >= 0;) {
    const auto count = ::send(input_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    struct pollfd room {
      input_, POLLOUT, 0
    };
    if (errno != EAGAIN || ::poll(&room, 1, kSendMs) <= 0) return kill();
  }
}

std::vector<std::string> WorkerLink::read_lines() {
  std::vector<std::string> lines;
  std::array<char, 16384> buffer{};
  for (;;) {
    const auto count = ::read(output_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return lines;
    const auto known = line_.size();  // length of what has no line end
    line_.append(buffer.data(), static_cast<std::size_t>(count));
    for (auto end = line_.find('\n', known); end != std::string::npos; end = line_.find('\n')) {
      lines.push_back(line_.substr(0, end));
      line_.erase(0, end + 1);
    }
    if (line_.size() <= kMostLine) continue;
    kill();
    return lines;
  }
}

void WorkerLink::close_input() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

void WorkerLink::kill() {
  if (process_ > 0) ::kill(process_, SIGKILL);
}

std::optional<std::string> WorkerLink::ended() {
  if (process_ > 0) {
    int status = 0;
    if (::waitpid(process_, &status, WNOHANG) != process_) return std::nullopt;
    process_ = 0;
    how_ = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "exit code " + std::to_string(WEXITSTATUS(status));
  }
  return how_;
}

}  // namespace forgedit
