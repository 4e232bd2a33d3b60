#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// Messages for clients: they do not contain paths of this machine.
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
