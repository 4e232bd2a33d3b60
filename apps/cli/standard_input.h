#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace forgedit::cli {

/// All of standard input; of more than `most` bytes one more than that: whoever reads it complains.
std::string read_standard_input(std::size_t most);

/// A picture that may come from standard input: then it lies in a folder of its own until this ends.
class StandardInputPicture {
 public:
  StandardInputPicture() = default;
  ~StandardInputPicture();
  StandardInputPicture(const StandardInputPicture&) = delete;
  StandardInputPicture& operator=(const StandardInputPicture&) = delete;

  /// Where the picture is that `argument` names, "-" being standard input. Throws a failure where that is
  /// empty or cannot be kept.
  std::filesystem::path path_of(const std::string& argument);

 private:
  std::filesystem::path folder_;
};

}  // namespace forgedit::cli
