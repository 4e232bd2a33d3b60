#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace forgedit {

/// Settings that a user keeps under a name.
struct UserPreset {
  std::string name;
  /// By the names of options without their dashes ("unet_lr", "auto_pictures"): values as people type them;
  /// of a flag "true", or "false" for its opposite. What is off by default and off here has none.
  std::vector<std::pair<std::string, std::vector<std::string>>> settings;
  std::uint64_t first_seed = 0;  ///< of the setting "seeds": the one that learning takes
};

/// The presets of a file, which is an object with one of requests' settings for each name (docs/requests.md):
/// {"soft": {"gamma": "0.6:1.0:0.1", "steps": 30}}. None where there is no such file. Throws a usage Error
/// that names file, preset and key for everything that is wrong in it, and for a preset that is called like
/// one of `taken`.
std::vector<UserPreset> read_presets(const std::filesystem::path& file,
                                     const std::vector<std::string>& taken);

}  // namespace forgedit
