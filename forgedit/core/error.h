#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace forgedit {

/// Why a request failed; decides a program's exit code.
enum class ErrorKind {
  usage,    ///< the request is invalid: exit code 2
  failure,  ///< the request is valid, but a file, device or value made it fail: exit code 1
};

/// Every error that the library reports. The message says what was expected, what was found, and which file
/// and key; it is one line unless it lists several tensors.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string field = {})
      : std::runtime_error(message), kind_(kind), field_(std::move(field)) {}
  ErrorKind kind() const { return kind_; }
  /// The name of the wrong setting in a request ("unet_lr", "story[2].gamma"); empty if the error is not
  /// about one. The message does not repeat it: a program prints it as its option, a server as the request's
  /// key.
  const std::string& field() const { return field_; }

 private:
  ErrorKind kind_;
  std::string field_;
};

/// An Error of kind `usage`: the caller's mistake.
inline Error usage_error(const std::string& message) {
  return {ErrorKind::usage, message};
}
/// The same for one setting of a request: see Error::field.
inline Error usage_error(const std::string& field, const std::string& message) {
  return {ErrorKind::usage, message, field};
}
/// An Error of kind `failure`: damaged files, missing devices, values that are not finite.
inline Error failure(const std::string& message) {
  return {ErrorKind::failure, message};
}
/// The same for one setting of a request: see Error::field.
inline Error failure(const std::string& field, const std::string& message) {
  return {ErrorKind::failure, message, field};
}

/// The user asked to stop; thrown from a progress callback and passed through unchanged. The message says
/// what is kept; it is empty if that is not known.
class Cancelled : public std::runtime_error {
 public:
  explicit Cancelled(const std::string& kept = {}, bool goes_on = false)
      : std::runtime_error(kept), goes_on_(goes_on) {}
  /// Whether the same request resumes from what is kept.
  bool goes_on() const { return goes_on_; }

 private:
  bool goes_on_;
};

/// Runs `work`. An Error from it that has no field gets `field`.
template <typename Work>
auto with_field(const std::string& field, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (!error.field().empty()) throw;
    throw Error(error.kind(), error.what(), field);
  }
}

}  // namespace forgedit
