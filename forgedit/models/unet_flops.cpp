#include "forgedit/models/unet_flops.h"

#include "forgedit/core/state_dict.h"

namespace forgedit {
namespace {

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

bool starts_with(const std::string& name, const char* prefix) {
  return name.rfind(prefix, 0) == 0;
}

/// How many times the map that a layer writes has been halved.
std::size_t halvings(const std::string& name, std::size_t levels) {
  const auto block = [&](const char* prefix) {
    return static_cast<std::size_t>(std::stoi(name.substr(std::string(prefix).size())));
  };
  if (starts_with(name, "mid_block.")) return levels - 1;
  if (starts_with(name, "down_blocks.")) {
    return block("down_blocks.") + (contains(name, ".downsamplers.") ? 1 : 0);
  }
  if (starts_with(name, "up_blocks.")) {
    return levels - 1 - block("up_blocks.") - (contains(name, ".upsamplers.") ? 1 : 0);
  }
  return 0;
}

}  // namespace

UNetFlops count_flops(const UNetImpl& unet, std::int64_t height, std::int64_t width, std::int64_t tokens,
                      const std::function<bool(const std::string& name)>& counts) {
  const auto levels = unet.config().block_out_channels.size();
  std::vector<double> pixels;
  for (std::size_t level = 0; level < levels; ++level) {
    pixels.push_back(static_cast<double>(height * width));
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  UNetFlops result;
  for (const auto& [name, weight] : parameters_of(unet)) {
    if (weight.dim() < 2 || !counts(name)) continue;
    const auto here = pixels[halvings(name, levels)];
    const bool time = starts_with(name, "time_embedding.") || contains(name, ".time_emb_proj.");
    const bool text = contains(name, ".attn2.to_k.") || contains(name, ".attn2.to_v.");
    const auto rows = time ? 1.0 : (text ? static_cast<double>(tokens) : here);
    result.layers += 2.0 * rows * static_cast<double>(weight.numel());
    // Scores, and the sum over values: as many products as the queries have features.
    const auto keys = contains(name, ".attn1.to_q.") ? here : static_cast<double>(tokens);
    if (contains(name, ".to_q.")) result.attention += 4.0 * here * keys * static_cast<double>(weight.size(0));
  }
  return result;
}

}  // namespace forgedit
