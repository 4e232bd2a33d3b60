#include "forgedit/metrics/lpips_distance.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/parallel.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/weights_file.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

// Two pictures of 512x512, for which VGG16's first layers take 0.3 GB of memory.
constexpr std::int64_t kPixelsAtOnce = 1 << 19;

bool is_head(const std::string& name) {
  return starts_with(name, "lin");
}

/// The tensors of one network, collected from the files.
struct Parts {
  StateDict trunk, heads;
};

std::vector<fs::path> all_files(const std::vector<fs::path>& places) {
  std::vector<fs::path> files;
  for (const auto& place : places) {
    if (!fs::is_directory(place)) {
      files.push_back(place);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& name : list_directory(place)) {
      if (ends_with(name, ".safetensors")) inside.push_back(place / name);
    }
    if (inside.empty()) throw failure(place.string() + ": contains no safetensors files");
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

LpipsTrunk trunk_of(const StateDict& tensors, const char* key, at::IntArrayRef alex, at::IntArrayRef vgg,
                    const fs::path& file) {
  const auto found = tensors.find(key);
  if (found == tensors.end()) throw failure(file.string() + ": " + key + ": missing: no weights of LPIPS");
  if (found->second.sizes() == alex) return LpipsTrunk::alex;
  if (found->second.sizes() == vgg) return LpipsTrunk::vgg;
  throw failure(file.string() + ": " + key + ": expected " + shape_text(alex) + " (AlexNet) or " +
                shape_text(vgg) + " (VGG16), found " + shape_text(found->second.sizes()));
}

void gather(const fs::path& file, std::map<LpipsTrunk, Parts>& parts) {
  StateDict trunk, heads;
  for (const auto& [name, tensor] : normalise_lpips_keys(read_weights_file(file).tensors)) {
    (is_head(name) ? heads : trunk).emplace(name, tensor);
  }
  if (trunk.empty() && heads.empty()) throw failure(file.string() + ": no weights of LPIPS");
  const auto add = [&](StateDict& to, const StateDict& from, const char* what) {
    if (!to.empty()) throw failure(file.string() + ": a second " + what + " for the same network");
    to = from;
  };
  if (!trunk.empty()) {
    const auto which = trunk_of(trunk, "features.0.weight", {64, 3, 11, 11}, {64, 3, 3, 3}, file);
    add(parts[which].trunk, trunk, "trunk");
  }
  if (!heads.empty()) {
    const auto which = trunk_of(heads, "lin1.model.1.weight", {1, 192, 1, 1}, {1, 128, 1, 1}, file);
    add(parts[which].heads, heads, "set of heads");
  }
}

/// Returns the first pictures that have the same size, as many as a network processes at once.
std::span<const Image> next_batch(std::span<const Image> pictures) {
  const auto& front = pictures[0];
  const auto most = std::max<std::int64_t>(1, kPixelsAtOnce / (std::int64_t{front.width} * front.height));
  std::size_t count = 1;
  while (count < pictures.size() && std::cmp_less(count, most) && pictures[count].width == front.width &&
         pictures[count].height == front.height) {
    ++count;
  }
  return pictures.first(count);
}

}  // namespace

LpipsNetworks load_lpips(const std::vector<fs::path>& places, const c10::Device& device) {
  std::map<LpipsTrunk, Parts> gathered;
  for (const auto& file : all_files(places)) gather(file, gathered);
  LpipsNetworks result;
  for (const auto which : {LpipsTrunk::alex, LpipsTrunk::vgg}) {
    auto& parts = gathered[which];
    if (parts.trunk.empty() || parts.heads.empty()) {
      result.incomplete[which] = parts.trunk.empty() && parts.heads.empty() ? "no weights given"
                                 : parts.trunk.empty()                      ? "only heads given, no trunk"
                                                                            : "only a trunk given, no heads";
      continue;
    }
    Lpips network(which);
    parts.trunk.merge(parts.heads);
    load_state(*network, parts.trunk, std::string("LPIPS ") + lpips_trunk_name(which));
    network->to(device);
    for (auto& parameter : network->parameters()) parameter.set_requires_grad(false);
    result.networks.emplace(which, network);
  }
  return result;
}

std::vector<double> lpips_distances(Lpips& network, const Image& left, std::span<const Image> rights) {
  torch::NoGradGuard no_grad;
  const auto device = network->parameters().front().device();
  std::vector<double> distances;
  torch::Tensor original;  // at the size of the previous batch
  while (distances.size() < rights.size()) {
    const auto batch = next_batch(rights.subspan(distances.size()));
    ModelImageConfig preparation;
    preparation.width = batch[0].width;
    preparation.height = batch[0].height;
    preparation.resample = Resample::lanczos;
    preparation.image_mean = preparation.image_std = {0.5, 0.5, 0.5};  // to [-1, 1]
    std::vector<torch::Tensor> pictures(batch.size());
    parallel_for(std::ssize(batch), 1, [&](std::int64_t first, std::int64_t last) {
      for (auto i = first; i < last; ++i) {
        const auto at = static_cast<std::size_t>(i);
        pictures[at] = model_image(batch[at], preparation);
      }
    });
    const auto b = torch::stack(pictures).to(device);
    if (!original.defined() || original.size(2) != b.size(2) || original.size(3) != b.size(3)) {
      original = model_image(left, preparation).unsqueeze(0).to(device);
    }
    const auto values = network(original.expand_as(b), b).to(torch::kCPU, torch::kDouble);
    const auto* first = values.data_ptr<double>();
    distances.insert(distances.end(), first, first + values.numel());
  }
  return distances;
}

double lpips_distance(Lpips& network, const Image& left, const Image& right) {
  return lpips_distances(network, left, {&right, 1}).front();
}

}  // namespace forgedit
