#pragma once

#include <stdexcept>
#include <string>

#include "forgedit/work/worker_processes.h"

namespace forgedit {

// The exit codes of the program.
inline constexpr int kDone = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
inline constexpr int kSomeFailed = 3;
inline constexpr int kWorkLeft = kRestartCode;
inline constexpr int kCancelled = 130;

/// Ends the program with an exit code that no Error has, and with a message unless that is empty.
class ExitWith : public std::runtime_error {
 public:
  ExitWith(int exit_code, const std::string& message) : std::runtime_error(message), code(exit_code) {}
  const int code;
};

}  // namespace forgedit
