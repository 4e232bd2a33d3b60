#include "forgedit/models/unet_layout.h"

namespace forgedit {

std::int64_t UNetBlockOptions::resnet_channels(std::int64_t layer) const {
  if (kind != Kind::up) return layer == 0 ? in_channels : out_channels;
  const auto below = layer == 0 ? previous_channels : out_channels;
  const auto skip = layer == layers - 1 ? in_channels : out_channels;
  return below + skip;
}

std::vector<UNetBlockOptions> unet_blocks(const UNetConfig& config) {
  const auto& channels = config.block_out_channels;
  const auto levels = channels.size();
  std::vector<UNetBlockOptions> blocks;
  UNetBlockOptions o;
  o.config = &config;

  o.layers = config.layers_per_block;
  for (std::size_t i = 0; i < levels; ++i) {
    o.name = "down_blocks." + std::to_string(i);
    o.level = i;
    o.in_channels = channels[i == 0 ? 0 : i - 1];
    o.out_channels = channels[i];
    o.heads = config.heads[i];
    o.transformer_layers = config.transformer_layers_per_block[i];
    o.cross_attention = config.down_block_types[i] == "CrossAttnDownBlock2D";
    o.resample = i + 1 < levels;
    blocks.push_back(o);
  }

  o.kind = UNetBlockOptions::Kind::mid;
  o.name = "mid_block";
  o.layers = 2;
  o.in_channels = o.out_channels = channels.back();
  o.heads = config.heads.back();
  o.transformer_layers = config.transformer_layers_per_block.back();
  o.cross_attention = true;
  o.resample = false;
  blocks.push_back(o);

  o.kind = UNetBlockOptions::Kind::up;
  o.layers = config.layers_per_block + 1;
  o.previous_channels = channels.back();
  for (std::size_t i = 0; i < levels; ++i) {
    o.name = "up_blocks." + std::to_string(i);
    o.level = levels - 1 - i;
    o.in_channels = channels[o.level == 0 ? 0 : o.level - 1];
    o.out_channels = channels[o.level];
    o.heads = config.heads[o.level];
    o.transformer_layers = config.transformer_layers_per_block[o.level];
    o.cross_attention = config.up_block_types[i] == "CrossAttnUpBlock2D";
    o.resample = i + 1 < levels;
    blocks.push_back(o);
    o.previous_channels = o.out_channels;
  }
  return blocks;
}

}  // namespace forgedit
