#include "forgedit/models/unet.h"

#include <algorithm>

#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"
#include "forgedit/models/unet_ahead.h"
#include "forgedit/models/unet_blocks.h"
#include "forgedit/nn/checkpoint.h"
#include "forgedit/nn/fused.h"

namespace forgedit {

UNetImpl::UNetImpl(const UNetConfig& config)
    : config_(config),
      conv_in(
          register_module("conv_in", nn::Conv2d(config.in_channels, config.block_out_channels[0], 3, 1, 1))),
      time_embedding(register_module(
          "time_embedding",
          nn::TimestepEmbedding(config.block_out_channels[0], config.block_out_channels[0] * 4))),
      down_blocks(register_module("down_blocks", torch::nn::ModuleList())),
      up_blocks(register_module("up_blocks", torch::nn::ModuleList())),
      conv_norm_out(register_module(
          "conv_norm_out",
          nn::GroupNorm(config.norm_num_groups, config.block_out_channels[0], config.norm_eps))),
      conv_out(register_module("conv_out",
                               nn::Conv2d(config.block_out_channels[0], config.out_channels, 3, 1, 1))) {
  const auto& channels = config_.block_out_channels;
  const auto levels = channels.size();
  UNetBlockOptions o;
  o.config = &config_;

  o.layers = config_.layers_per_block;
  for (std::size_t i = 0; i < levels; ++i) {
    o.in_channels = channels[i == 0 ? 0 : i - 1];
    o.out_channels = channels[i];
    o.heads = config_.heads[i];
    o.cross_attention = config_.down_block_types[i] == "CrossAttnDownBlock2D";
    o.resample = i + 1 < levels;
    down_blocks->push_back(UNetDownBlock(o));
  }

  o.in_channels = o.out_channels = channels.back();
  o.heads = config_.heads.back();
  mid_block = register_module("mid_block", std::make_shared<UNetMidBlockImpl>(o));

  o.layers = config_.layers_per_block + 1;
  o.previous_channels = channels.back();
  for (std::size_t i = 0; i < levels; ++i) {
    const auto level = levels - 1 - i;
    o.in_channels = channels[level == 0 ? 0 : level - 1];
    o.out_channels = channels[level];
    o.heads = config_.heads[level];
    o.cross_attention = config_.up_block_types[i] == "CrossAttnUpBlock2D";
    o.resample = i + 1 < levels;
    up_blocks->push_back(UNetUpBlock(o));
    o.previous_channels = o.out_channels;
  }
}

torch::Tensor UNetImpl::forward(const torch::Tensor& latents, const torch::Tensor& timesteps,
                                const torch::Tensor& encoder_hidden_states) {
  // 1. time
  const auto time = embed_time(timesteps);
  const auto type = conv_in->weight.scalar_type();
  if (!is_fused()) return forward_embedded(latents, time, encoder_hidden_states.to(type));
  // One text for the whole batch (expanded) stays one: another type would lay out all of them.
  const bool one = encoder_hidden_states.stride(0) == 0;
  const auto text = one ? encoder_hidden_states.narrow(0, 0, 1).to(type).expand_as(encoder_hidden_states)
                        : encoder_hidden_states.to(type);
  // Checkpointed blocks run again in the backward pass, when nothing is lent any more.
  if (nn::checkpointing()) return forward_embedded(latents, time, text);
  const UNetLoan loan(*this, join_addends(*this, time), join_keys_and_values(*this, text));
  return forward_embedded(latents, {}, {});
}

bool UNetImpl::is_fused() const {
  const auto& weight = conv_in->weight;
  const auto& channels = config_.block_out_channels;
  return cuda::built() && weight.is_cuda() && weight.scalar_type() == torch::kBFloat16 &&
         std::all_of(channels.begin(), channels.end(), [](std::int64_t count) {
           return count % kernels::kVector == 0 && count <= kernels::kMaxNormWidth;
         });
}

torch::Tensor UNetImpl::embed_time(const torch::Tensor& timesteps) {
  return time_embedding(nn::timestep_features(timesteps, config_.block_out_channels[0],
                                              config_.flip_sin_to_cos, config_.freq_shift)
                            .to(conv_in->weight.scalar_type()));
}

torch::Tensor UNetImpl::forward_embedded(const torch::Tensor& latents, const torch::Tensor& time,
                                         const torch::Tensor& encoder_hidden_states) {
  // 2. in
  const auto type = conv_in->weight.scalar_type();
  auto x = conv_in(latents.to(type).contiguous(at::MemoryFormat::ChannelsLast));
  std::vector<torch::Tensor> skips{x};
  // 3. down
  for (const auto& block : *down_blocks) {
    x = block->as<UNetDownBlock>()->forward(x, time, encoder_hidden_states, skips);
  }
  // 4. mid
  x = mid_block->forward(x, time, encoder_hidden_states);
  // 5. up
  for (const auto& block : *up_blocks) {
    x = block->as<UNetUpBlock>()->forward(x, time, encoder_hidden_states, skips);
  }
  // 6. out
  return conv_out(nn::norm_silu(x, conv_norm_out)).contiguous();
}

}  // namespace forgedit
