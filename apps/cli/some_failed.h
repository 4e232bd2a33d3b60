#pragma once

#include <stdexcept>

namespace forgedit::cli {

/// A run went to its end, but some of its edits failed; exit code 3.
class SomeEditsFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace forgedit::cli
