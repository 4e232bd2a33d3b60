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

/// Reads trunks (torchvision's names) and heads (the lpips package's), each from a file of its own or both in
/// one; which is which, and of which network, is determined by the tensors. `places` are safetensors files,
/// or folders of them. Throws Error for files that hold something else, and where two say the same thing.
LpipsNetworks load_lpips(const std::vector<std::filesystem::path>& places, const c10::Device& device);

/// Distances of a picture to others, scaled to the size of each where it differs (Lanczos).
std::vector<double> lpips_distances(Lpips& network, const Image& left, std::span<const Image> rights);
double lpips_distance(Lpips& network, const Image& left, const Image& right);

}  // namespace forgedit
