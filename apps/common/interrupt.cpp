#include "apps/common/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <system_error>
#include <thread>

#include "apps/common/exit_codes.h"

namespace forgedit {
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds from a request to stop until the job must have checked it.
constexpr unsigned kLeastPatience = 10, kMostPatience = 3600;
constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGUSR1, SIGHUP};
/// The same signal within so many seconds counts as one.
constexpr std::int64_t kEcho = 1;
/// Seconds for writing sheet and record after the job has seen the request.
constexpr unsigned kLastWrites = 300;

// What signals change.
StopFlag stop_flag;
std::atomic<unsigned> patience{kLeastPatience};
std::atomic<int> first_signal{0};
std::atomic<std::int64_t> first_time{0};  // seconds
static_assert(std::atomic<unsigned>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

// A worker's parent forwards SIGTERM, which the batch system may also have sent to the worker.
const bool has_parent_of_ours = std::getenv("FORGEDIT_WORKER") != nullptr;

std::int64_t seconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

/// Whether a signal is a second request of the user. A shell repeats the terminal's SIGHUP, a batch system
/// sends SIGTERM after SIGUSR1, and both may signal a program and the one that started it: these are no
/// second requests.
bool is_second_wish(int signal) {
  if (signal == SIGHUP || signal == SIGUSR1) return false;
  if (has_parent_of_ours || first_signal.load() == SIGUSR1) return signal == SIGINT;
  return signal == SIGINT || seconds_now() - first_time.load() > kEcho;
}

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kStopSignals) sigaddset(&signals, signal);
  return signals;
}

/// Gives the signals their usual effect.
void let_end(const sigset_t& signals) {
  for (const int signal : kStopSignals) {
    if (sigismember(&signals, signal) == 1) ::signal(signal, SIG_DFL);
  }
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

/// May be called by a signal handler.
void request_stop(int signal) {
  if (stop_flag.stopped()) {
    if (!is_second_wish(signal)) return;
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    let_end(only);
    ::raise(signal);
    return;
  }
  first_signal = signal;
  first_time = seconds_now();
  stop_flag.stop();
  ::alarm(patience.load());
}

/// Ends the program because the job has not checked the request: a library waits for something that does not
/// come.
void end_now(int) {
  constexpr std::string_view kText = "\nforgedit: stopped by force: the job did not react in time\n";
  if (::write(STDERR_FILENO, kText.data(), kText.size()) < 0) ::_exit(kCancelled);
  ::_exit(kCancelled);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

/// Receives the signals that all other threads block.
[[noreturn]] void receive(sigset_t signals) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) == 0) request_stop(signal);
  }
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

const StopFlag& program_stop() {
  return stop_flag;
}

int stop_signal() {
  return first_signal.load();
}

/// A step may take minutes on a CPU, so a request to stop has to wait that long.
void looked_at_stop() {
  static auto last = Clock::now();
  const auto now = Clock::now();
  const auto pause = std::chrono::duration_cast<std::chrono::seconds>(now - last).count();
  last = now;
  const auto wanted = static_cast<unsigned>(std::min<std::int64_t>(2 * (pause + 1), kMostPatience));
  if (wanted > patience) patience = wanted;
}

void block_stop_signals() {
  const auto signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void stop_on_signals() {
  handle(SIGALRM, end_now);
  auto signals = stop_signals();
  if (is_ignored(SIGHUP)) sigdelset(&signals, SIGHUP);
  for (const int signal : kStopSignals) {
    if (sigismember(&signals, signal) == 1) handle(signal, request_stop);
  }
  // While NVRTC compiles a kernel, handlers of its own end the program in the middle of its work. A blocked
  // signal calls no handler.
  block_stop_signals();
  try {
    std::thread(receive, signals).detach();
  } catch (const std::system_error&) {
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

void end_on_signals() {
  let_end(stop_signals());
}

void allow_long_pause() {
  patience = kMostPatience;
  if (stop_flag.stopped()) ::alarm(kMostPatience);
}

void allow_last_writes() {
  ::alarm(kLastWrites);
}

void throw_if_stopped() {
  looked_at_stop();
  if (!stop_flag.stopped()) return;
  allow_last_writes();
  throw Cancelled();
}

}  // namespace forgedit
