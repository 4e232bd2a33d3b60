#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace forgedit {

/// Settings that a user saved under a name.
struct UserPreset {
  std::string name;
  /// Option names without dashes ("unet_lr", "auto_pictures") and their values as typed on the command line.
  /// A flag has "true", or "false" for its opposite; a flag that is off by default and set to off is omitted.
  std::vector<std::pair<std::string, std::vector<std::string>>> settings;
  std::uint64_t first_seed = 0;  ///< first value of "seeds", which fine-tuning uses
};

/// Reads presets from a JSON file: an object that maps names to settings of requests (docs/requests.md):
/// {"soft": {"gamma": "0.6:1.0:0.1", "steps": 30}}. Returns none if the file does not exist. Throws a usage
/// Error naming file, preset and key for anything invalid, and for a preset with a name in `taken`.
std::vector<UserPreset> read_presets(const std::filesystem::path& file,
                                     const std::vector<std::string>& taken);

}  // namespace forgedit
