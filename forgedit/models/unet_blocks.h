#pragma once

#include <vector>

#include "forgedit/models/unet_layout.h"
#include "forgedit/nn/attention.h"
#include "forgedit/nn/resnet.h"

namespace forgedit {

/// Inputs of all blocks of the UNet beside the feature map.
struct UNetBlockInputs {
  /// (batch, 4·block_out_channels[0]), with added conditions; undefined under a PrecomputedScope
  torch::Tensor time;
  /// (batch, tokens, cross_attention_dim). Under a PrecomputedScope only adapters read it; otherwise it may
  /// be undefined there.
  torch::Tensor text;
  bool checkpointing = false;  ///< run residual blocks and attentions through nn::checkpoint
};

/// DownBlock2D or CrossAttnDownBlock2D.
class UNetDownBlockImpl : public torch::nn::Module {
 public:
  explicit UNetDownBlockImpl(const UNetBlockOptions& options);
  /// Appends the skips for the matching up block to `skips`.
  torch::Tensor forward(torch::Tensor x, const UNetBlockInputs& inputs, std::vector<torch::Tensor>& skips);

 private:
  torch::nn::ModuleList resnets, attentions, downsamplers;
};
TORCH_MODULE(UNetDownBlock);

/// UNetMidBlock2DCrossAttn: resnet, attention, resnet.
class UNetMidBlockImpl : public torch::nn::Module {
 public:
  explicit UNetMidBlockImpl(const UNetBlockOptions& options);
  torch::Tensor forward(torch::Tensor x, const UNetBlockInputs& inputs);

 private:
  torch::nn::ModuleList resnets, attentions;
};
TORCH_MODULE(UNetMidBlock);

/// UpBlock2D or CrossAttnUpBlock2D.
class UNetUpBlockImpl : public torch::nn::Module {
 public:
  explicit UNetUpBlockImpl(const UNetBlockOptions& options);
  /// Removes its skips from the end of `skips`. Upsamples to the size of the next skip, so that feature maps
  /// whose sides do not halve evenly get their own size back.
  torch::Tensor forward(torch::Tensor x, const UNetBlockInputs& inputs, std::vector<torch::Tensor>& skips);

 private:
  torch::nn::ModuleList resnets, attentions, upsamplers;
};
TORCH_MODULE(UNetUpBlock);

}  // namespace forgedit
