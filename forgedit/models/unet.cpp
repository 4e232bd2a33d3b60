#include "forgedit/models/unet.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"
#include "forgedit/models/unet_ahead.h"
#include "forgedit/models/unet_blocks.h"
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
  if (config_.takes_added_conditions()) {
    add_embedding =
        register_module("add_embedding", nn::TimestepEmbedding(config.projection_class_embeddings_input_dim,
                                                               config.block_out_channels[0] * 4));
  }
  for (const auto& block : unet_blocks(config_)) {
    switch (block.kind) {
      case UNetBlockOptions::Kind::down:
        down_blocks->push_back(UNetDownBlock(block));
        break;
      case UNetBlockOptions::Kind::mid:
        mid_block = register_module("mid_block", std::make_shared<UNetMidBlockImpl>(block));
        break;
      case UNetBlockOptions::Kind::up:
        up_blocks->push_back(UNetUpBlock(block));
        break;
    }
  }
}

// The tensors between the blocks. B batch, T tokens (77), D = cross_attention_dim (768), H x W the latents'
// sides, C0 ... C3 = block_out_channels (320, 640, 1280, 1280); H/2 is rounded up. F is the type of the
// weights: float32, or bfloat16 if ComputePolicy::reduced(). The example is SD 1.x at 512x512.
//
//   tensor                     shape                     type     512x512
//   latents                    B, in_channels, H, W      any      B, 4, 64, 64
//   timesteps                  B                         int64    B
//   encoder_hidden_states      B, T, D                   any      B, 77, 768
//   added.text_embeds          B, pooled_width           any      -           SDXL: B, 1280
//   added.time_ids             B, 6                      any      -           SDXL: B, 6
//   time (embed_time, and      B, 4 C0                   F        B, 1280
//         embed_added)
//   conv_in           skip 0   B, C0, H, W               F        B, 320, 64, 64
//   down_blocks.0     skip 1   B, C0, H, W               F        B, 320, 64, 64
//                     skip 2   B, C0, H, W               F        B, 320, 64, 64
//     downsampler     skip 3   B, C0, H/2, W/2           F        B, 320, 32, 32
//   down_blocks.1     skip 4   B, C1, H/2, W/2           F        B, 640, 32, 32
//                     skip 5   B, C1, H/2, W/2           F        B, 640, 32, 32
//     downsampler     skip 6   B, C1, H/4, W/4           F        B, 640, 16, 16
//   down_blocks.2     skip 7   B, C2, H/4, W/4           F        B, 1280, 16, 16
//                     skip 8   B, C2, H/4, W/4           F        B, 1280, 16, 16
//     downsampler     skip 9   B, C2, H/8, W/8           F        B, 1280, 8, 8
//   down_blocks.3     skip 10  B, C3, H/8, W/8           F        B, 1280, 8, 8
//                     skip 11  B, C3, H/8, W/8           F        B, 1280, 8, 8
//   mid_block                  B, C3, H/8, W/8           F        B, 1280, 8, 8
//   up_blocks.0  takes 11..9   B, C3, H/4, W/4           F        B, 1280, 16, 16
//   up_blocks.1  takes  8..6   B, C2, H/2, W/2           F        B, 1280, 32, 32
//   up_blocks.2  takes  5..3   B, C1, H, W               F        B, 640, 64, 64
//   up_blocks.3  takes  2..0   B, C0, H, W               F        B, 320, 64, 64
//   output                     B, out_channels, H, W     F        B, 4, 64, 64
//
// A row is the output of a block; a down block's output is its last skip. Each residual block of an up block
// concatenates the last remaining skip behind its own channels. All feature maps from conv_in to up_blocks.3
// are channels-last; the output is contiguous (NCHW), whatever the latents are. One text for the whole batch
// is expanded (stride 0 over B). On the fused path (is_fused), the blocks get no time embedding, and the text
// only for adapters; PrecomputedScope has the values that all other layers compute from them. Under autocast
// (ComputePolicy::plain in bf16) weights are float32, and each operator chooses the type of its result.
torch::Tensor UNetImpl::forward(const torch::Tensor& latents, const torch::Tensor& timesteps,
                                const torch::Tensor& encoder_hidden_states, const AddedConditions& added,
                                bool checkpointing) {
  // 1. time embedding and added conditions
  auto time = embed_time(timesteps);
  if (const auto more = embed_added(added); more.defined()) time = time + more;
  const auto type = conv_in->weight.scalar_type();
  if (!is_fused()) return forward_embedded(latents, {time, encoder_hidden_states.to(type), checkpointing});
  // If the text is expanded over the batch, convert only one row: a plain conversion would copy every row.
  const bool one = encoder_hidden_states.stride(0) == 0;
  const auto text = one ? encoder_hidden_states.narrow(0, 0, 1).to(type).expand_as(encoder_hidden_states)
                        : encoder_hidden_states.to(type);
  // Checkpointed blocks run again in the backward pass, when a PrecomputedScope would have ended.
  if (checkpointing) return forward_embedded(latents, {time, text, checkpointing});
  const PrecomputedScope precomputed(*this, join_addends(*this, time), join_keys_and_values(*this, text));
  return forward_embedded(latents, {{}, text});
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

torch::Tensor UNetImpl::embed_added(const AddedConditions& added) {
  if (added.text_embeds.defined() != config_.takes_added_conditions() ||
      added.time_ids.defined() != config_.takes_added_conditions()) {
    throw failure(config_.takes_added_conditions()
                      ? "UNet: expected a pooled text embedding and time ids, found none"
                      : "UNet: expected no added conditions, found a pooled text embedding or time ids");
  }
  if (!config_.takes_added_conditions()) return {};
  const auto times = nn::timestep_features(added.time_ids.flatten(), config_.addition_time_embed_dim,
                                           config_.flip_sin_to_cos, config_.freq_shift)
                         .view({added.time_ids.size(0), -1});
  const auto type = conv_in->weight.scalar_type();
  return add_embedding(torch::cat({added.text_embeds.to(type), times.to(type)}, 1));
}

torch::Tensor UNetImpl::forward_embedded(const torch::Tensor& latents, const UNetBlockInputs& inputs) {
  // 2. in
  const auto type = conv_in->weight.scalar_type();
  auto x = conv_in(latents.to(type).contiguous(at::MemoryFormat::ChannelsLast));
  std::vector<torch::Tensor> skips{x};
  // 3. down
  for (const auto& block : *down_blocks) {
    x = block->as<UNetDownBlock>()->forward(x, inputs, skips);
  }
  // 4. mid
  x = mid_block->forward(x, inputs);
  // 5. up
  for (const auto& block : *up_blocks) {
    x = block->as<UNetUpBlock>()->forward(x, inputs, skips);
  }
  // 6. out
  return conv_out(nn::norm_silu(x, conv_norm_out)).contiguous();
}

}  // namespace forgedit
