#pragma once

#include <string>
#include <vector>

#include "forgedit/models/unet.h"

namespace forgedit {

/// One block of the UNet: `layers` residual blocks, each followed by a transformer if `cross_attention`. The
/// middle block has one transformer, between its two residual blocks.
struct UNetBlockOptions {
  enum class Kind { down, mid, up };
  Kind kind = Kind::down;
  std::string name;              ///< name of the module, for example "down_blocks.0" or "mid_block"
  std::size_t level = 0;         ///< how many times its feature map has been halved
  std::int64_t in_channels = 0;  ///< up blocks: channels of the level's first skip, which is used last
  std::int64_t out_channels = 0;
  std::int64_t previous_channels = 0;  ///< up blocks: channels of the output of the block before
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t transformer_layers = 0;  ///< transformer blocks in each transformer
  bool cross_attention = false;
  bool resample = false;  ///< ends with a down- or upsampler, to the next or the previous level
  const UNetConfig* config = nullptr;

  /// Input channels of residual block `layer`; in up blocks with those of its skip.
  std::int64_t resnet_channels(std::int64_t layer) const;
};

/// Returns all blocks in the order of a forward pass. They hold pointers to `config`.
std::vector<UNetBlockOptions> unet_blocks(const UNetConfig& config);

}  // namespace forgedit
