#pragma once

#include <string>
#include <vector>

#include "forgedit/models/unet.h"

namespace forgedit {

/// One block of the UNet: `layers` residual blocks, behind each a transformer where `cross_attention`. The
/// middle block has one transformer, between its two residual blocks.
struct UNetBlockOptions {
  enum class Kind { down, mid, up };
  Kind kind = Kind::down;
  std::string name;              ///< of the module: "down_blocks.0", "mid_block"
  std::size_t level = 0;         ///< how many times its map has been halved
  std::int64_t in_channels = 0;  ///< up blocks: those of the level's first skip, which is taken last
  std::int64_t out_channels = 0;
  std::int64_t previous_channels = 0;  ///< up blocks: channels that come from below
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t transformer_layers = 0;  ///< blocks of each transformer
  bool cross_attention = false;
  bool resample = false;  ///< ends in a down- or upsampler, to the next or the previous level
  const UNetConfig* config = nullptr;

  /// Channels that go into a residual block; in up blocks those of its skip included.
  std::int64_t resnet_channels(std::int64_t layer) const;
};

/// All blocks, in the order of a forward pass. They point at `config`.
std::vector<UNetBlockOptions> unet_blocks(const UNetConfig& config);

}  // namespace forgedit
