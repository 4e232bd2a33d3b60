#pragma once

#include <exception>
#include <string>

#include "forgedit/core/error.h"

namespace forgedit {

/// Why a job failed, for other programs.
struct JobError {
  ErrorKind kind = ErrorKind::failure;
  std::string field;    ///< as Error::field
  std::string message;  ///< one line; without `field`
};

/// Of anything that a job throws but Cancelled. Of LibTorch's errors the first line is left: the rest is its
/// stack.
JobError job_error(const std::exception& error);

}  // namespace forgedit
