#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace forgedit::cli {

/// Reads all of standard input, but no more than `most` + 1 bytes: the caller rejects a text that long.
std::string read_standard_input(std::size_t most);

/// A picture that may come from standard input. Then it is in a temporary folder until the destructor runs.
class StandardInputPicture {
 public:
  StandardInputPicture() = default;
  ~StandardInputPicture();
  StandardInputPicture(const StandardInputPicture&) = delete;
  StandardInputPicture& operator=(const StandardInputPicture&) = delete;

  /// The path of the picture that `argument` names; "-" is standard input. Throws a failure if standard input
  /// is empty or cannot be stored.
  std::filesystem::path path_of(const std::string& argument);

 private:
  std::filesystem::path folder_;
};

}  // namespace forgedit::cli
