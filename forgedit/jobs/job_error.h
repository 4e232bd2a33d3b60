#pragma once

#include <exception>
#include <string>

#include "forgedit/core/error.h"

namespace forgedit {

/// Why a job failed, for other programs.
struct JobError {
  ErrorKind kind = ErrorKind::failure;
  std::string field;    ///< see Error::field
  std::string message;  ///< one line; without `field`
};

/// Converts any exception of a job except Cancelled. Of LibTorch's errors only the first line is kept,
/// without the stack trace.
JobError job_error(const std::exception& error);

}  // namespace forgedit
