#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// Removes paths of this machine from messages for clients.
class ClientWords {
 public:
  /// `data` is the server's folder; its path is removed. Of each of `places` (home, models, …) only the last
  /// part of the path stays.
  ClientWords(const std::filesystem::path& data, const std::vector<std::filesystem::path>& places);

  /// Returns the first line of the message, without these paths and shortened to kMostMessage bytes.
  std::string operator()(std::string message) const;

 private:
  std::string data_;
  std::vector<std::filesystem::path> places_;  // longest path first
};

}  // namespace forgedit
