#include "forgedit/models/unet_flops.h"

#include "forgedit/core/state_dict.h"
#include "forgedit/core/text.h"
#include "forgedit/models/unet_layout.h"

namespace forgedit {
namespace {

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

/// How many times the feature map that a layer writes has been halved.
std::size_t halvings(const std::string& name, const std::vector<UNetBlockOptions>& blocks) {
  for (const auto& block : blocks) {
    if (!starts_with(name, block.name + ".")) continue;
    return block.level + (contains(name, ".downsamplers.") ? 1 : 0) -
           (contains(name, ".upsamplers.") ? 1 : 0);
  }
  return 0;
}

}  // namespace

UNetFlops count_flops(const UNetImpl& unet, std::int64_t height, std::int64_t width, std::int64_t tokens,
                      const std::function<bool(const std::string& name)>& counts) {
  const auto blocks = unet_blocks(unet.config());
  std::vector<double> pixels;
  for (std::size_t level = 0; level < unet.config().block_out_channels.size(); ++level) {
    pixels.push_back(static_cast<double>(height * width));
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  UNetFlops result;
  for (const auto& [name, weight] : parameters_of(unet)) {
    if (weight.dim() < 2 || !counts(name)) continue;
    const auto here = pixels[halvings(name, blocks)];
    const bool time = starts_with(name, "time_embedding.") || starts_with(name, "add_embedding.") ||
                      contains(name, ".time_emb_proj.");
    const bool text = contains(name, ".attn2.to_k.") || contains(name, ".attn2.to_v.");
    const auto rows = time ? 1.0 : (text ? static_cast<double>(tokens) : here);
    result.layers += 2.0 * rows * static_cast<double>(weight.numel());
    // Scores and the weighted sum of values have one product each per query, key and feature.
    const auto keys = contains(name, ".attn1.to_q.") ? here : static_cast<double>(tokens);
    if (contains(name, ".to_q.")) result.attention += 4.0 * here * keys * static_cast<double>(weight.size(0));
  }
  return result;
}

}  // namespace forgedit
