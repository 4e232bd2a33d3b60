#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// Messages as clients get them: where things lie on this machine is not theirs to know.
class ClientWords {
 public:
  /// `data` is the server's folder, whose name goes; of `places` (home, models, …) the last name stays.
  ClientWords(const std::filesystem::path& data, const std::vector<std::filesystem::path>& places);

  /// The first line, not too long.
  std::string operator()(std::string message) const;

 private:
  std::string data_;
  std::vector<std::filesystem::path> places_;  // the longest first
};

}  // namespace forgedit
