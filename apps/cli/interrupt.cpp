#include "apps/cli/interrupt.h"

#include <csignal>

#include "forgedit/core/error.h"

namespace forgedit::cli {
namespace {

// The only state that a signal handler may touch.
volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) {
  stop_requested = 1;
}

}  // namespace

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  // Back to the default action after the first signal, so that the second one ends the program.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void throw_if_stopped() {
  if (stop_requested) throw Cancelled();
}

}  // namespace forgedit::cli
