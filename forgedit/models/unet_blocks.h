#pragma once

#include <vector>

#include "forgedit/models/unet_layout.h"
#include "forgedit/nn/attention.h"
#include "forgedit/nn/resnet.h"

namespace forgedit {

/// What all blocks of the UNet get beside their map.
struct UNetBlockInputs {
  /// (batch, 4·block_out_channels[0]), added conditions in it; or undefined: see PrecomputedScope
  torch::Tensor time;
  torch::Tensor text;          ///< (batch, tokens, cross_attention_dim), or undefined likewise
  bool checkpointing = false;  ///< residual blocks and attentions run through nn::checkpoint
};

/// DownBlock2D or CrossAttnDownBlock2D.
class UNetDownBlockImpl : public torch::nn::Module {
 public:
  explicit UNetDownBlockImpl(const UNetBlockOptions& options);
  /// Appends what the matching up block takes to `skips`.
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
  /// Takes its skips off the end of `skips`; enlarges to the size of the next one, so that maps whose sides
  /// do not halve evenly come back to their own size.
  torch::Tensor forward(torch::Tensor x, const UNetBlockInputs& inputs, std::vector<torch::Tensor>& skips);

 private:
  torch::nn::ModuleList resnets, attentions, upsamplers;
};
TORCH_MODULE(UNetUpBlock);

}  // namespace forgedit
