#pragma once

#include <stdexcept>
#include <string>

namespace forgedit {

/// Why a request failed; decides a program's exit code.
enum class ErrorKind {
  usage,    ///< the caller asked for something that cannot be: exit code 2
  failure,  ///< the request was fine, but a file, device or value did not allow it: exit code 1
};

/// Every error that the library reports. The message says what was expected, what came, and which
/// file and key; it is one line unless it lists several tensors.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// An Error of kind `usage`: the caller's mistake.
inline Error usage_error(const std::string& message) {
  return {ErrorKind::usage, message};
}
/// An Error of kind `failure`: damaged files, missing devices, values that are not finite.
inline Error failure(const std::string& message) {
  return {ErrorKind::failure, message};
}

/// The user asked to stop; thrown from a progress callback and passed through unchanged. The message says
/// what is kept and how to go on; it is empty where nobody knows.
class Cancelled : public std::runtime_error {
 public:
  explicit Cancelled(const std::string& kept = {}) : std::runtime_error(kept) {}
};

}  // namespace forgedit
