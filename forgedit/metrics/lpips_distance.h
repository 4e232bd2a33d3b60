#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/models/lpips.h"

namespace forgedit {

/// The LPIPS networks in a set of files.
struct LpipsNetworks {
  std::map<LpipsTrunk, Lpips> networks;
  std::map<LpipsTrunk, std::string> incomplete;  ///< why there is no network of this trunk
};

/// Reads trunks (torchvision's names) and heads (the lpips package's), in separate files or in one. The
/// tensors tell what a file contains, and for which network. `places` are safetensors files, or folders with
/// such files. Throws Error for files that contain something else, and if two contain the same part.
LpipsNetworks load_lpips(const std::vector<std::filesystem::path>& places, const c10::Device& device);

/// Returns the distances of `left` to each of `rights`. If sizes differ, `left` is scaled (Lanczos).
std::vector<double> lpips_distances(Lpips& network, const Image& left, std::span<const Image> rights);
double lpips_distance(Lpips& network, const Image& left, const Image& right);

}  // namespace forgedit
