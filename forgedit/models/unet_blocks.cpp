#include "forgedit/models/unet_blocks.h"

#include "forgedit/nn/checkpoint.h"
#include "forgedit/nn/fused.h"

namespace forgedit {
namespace {

nn::ResnetBlock2D make_resnet(const UNetBlockOptions& o, std::int64_t layer) {
  return nn::ResnetBlock2D(nn::ResnetOptions{o.resnet_channels(layer), o.out_channels,
                                             o.config->block_out_channels[0] * 4, o.config->norm_num_groups,
                                             o.config->norm_eps});
}

nn::Transformer2DModel make_attention(const UNetBlockOptions& o) {
  return nn::Transformer2DModel(nn::TransformerOptions{o.out_channels, o.config->cross_attention_dim, o.heads,
                                                       o.transformer_layers, o.config->norm_num_groups,
                                                       o.config->use_linear_projection});
}

/// Returns the time embedding of a feature map with `rows` rows, which may be fewer because UNetImpl::forward
/// has not repeated them yet.
torch::Tensor first_rows(const torch::Tensor& time, std::int64_t rows) {
  return time.defined() && time.size(0) > rows ? time.narrow(0, 0, rows) : time;
}

using nn::fused::SummedMap;

SummedMap run_resnet(torch::nn::ModuleList& resnets, std::size_t i, const SummedMap& x,
                     const UNetBlockInputs& inputs) {
  auto* resnet = resnets[i]->as<nn::ResnetBlock2D>();
  if (!inputs.checkpointing) return resnet->forward_summed(x, first_rows(inputs.time, x.map.size(0)));
  // Not forward_summed: the first pass has no gradients, but must round as the second one does.
  return {nn::checkpoint(*resnet, [resnet](const auto& kept) { return resnet->forward(kept[0], kept[1]); },
                         {x.map, inputs.time}),
          {}};
}

torch::Tensor run_attention(torch::nn::ModuleList& attentions, std::size_t i, const SummedMap& x,
                            const UNetBlockInputs& inputs) {
  if (attentions.is_empty()) return x.map;
  auto* attention = attentions[i]->as<nn::Transformer2DModel>();
  if (!inputs.checkpointing) return attention->forward(x.map, inputs.text, x.sums);
  return nn::checkpoint(*attention,
                        [attention](const auto& kept) { return attention->forward(kept[0], kept[1]); },
                        {x.map, inputs.text});
}

/// Concatenates the input of `resnet`.
SummedMap join(const torch::Tensor& x, const torch::Tensor& skip, const nn::ResnetBlock2DImpl& resnet) {
  if (!nn::fused::joins(x, skip)) return {torch::cat({x, skip}, 1), {}};
  if (resnet.uses_sums(x)) return nn::fused::join_channels_summed(x, skip, resnet.norm_groups());
  return {nn::fused::join_channels(x, skip), {}};
}

}  // namespace

// Lists that a block does not need stay empty: checkpoints have no keys for them.

UNetDownBlockImpl::UNetDownBlockImpl(const UNetBlockOptions& o)
    : resnets(register_module("resnets", torch::nn::ModuleList())),
      attentions(nullptr),
      downsamplers(nullptr) {
  if (o.cross_attention) attentions = register_module("attentions", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < o.layers; ++i) {
    resnets->push_back(make_resnet(o, i));
    if (o.cross_attention) attentions->push_back(make_attention(o));
  }
  if (o.resample) {
    downsamplers =
        register_module("downsamplers", torch::nn::ModuleList(nn::Downsample2D(o.out_channels, false)));
  }
}

torch::Tensor UNetDownBlockImpl::forward(torch::Tensor x, const UNetBlockInputs& inputs,
                                         std::vector<torch::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets->size(); ++i) {
    x = run_attention(attentions, i, run_resnet(resnets, i, {x, {}}, inputs), inputs);
    skips.push_back(x);
  }
  if (!downsamplers.is_empty()) {
    x = downsamplers[0]->as<nn::Downsample2D>()->forward(x);
    skips.push_back(x);
  }
  return x;
}

UNetMidBlockImpl::UNetMidBlockImpl(const UNetBlockOptions& o)
    : resnets(register_module("resnets", torch::nn::ModuleList(make_resnet(o, 0), make_resnet(o, 1)))),
      attentions(register_module("attentions", torch::nn::ModuleList(make_attention(o)))) {}

torch::Tensor UNetMidBlockImpl::forward(torch::Tensor x, const UNetBlockInputs& inputs) {
  x = run_attention(attentions, 0, run_resnet(resnets, 0, {x, {}}, inputs), inputs);
  return run_resnet(resnets, 1, {x, {}}, inputs).map;
}

UNetUpBlockImpl::UNetUpBlockImpl(const UNetBlockOptions& o)
    : resnets(register_module("resnets", torch::nn::ModuleList())), attentions(nullptr), upsamplers(nullptr) {
  if (o.cross_attention) attentions = register_module("attentions", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < o.layers; ++i) {
    resnets->push_back(make_resnet(o, i));
    if (o.cross_attention) attentions->push_back(make_attention(o));
  }
  if (o.resample) {
    upsamplers = register_module("upsamplers", torch::nn::ModuleList(nn::Upsample2D(o.out_channels)));
  }
}

torch::Tensor UNetUpBlockImpl::forward(torch::Tensor x, const UNetBlockInputs& inputs,
                                       std::vector<torch::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets->size(); ++i) {
    auto map = join(x, nn::repeat_rows(skips.back(), x.size(0)), *resnets[i]->as<nn::ResnetBlock2D>());
    skips.pop_back();
    x = torch::Tensor();
    map = run_resnet(resnets, i, map, inputs);  // frees the joined map, which is large, before the attention
    x = run_attention(attentions, i, map, inputs);
  }
  if (!upsamplers.is_empty()) {
    x = upsamplers[0]->as<nn::Upsample2D>()->forward(x, skips.back().size(2), skips.back().size(3));
  }
  return x;
}

}  // namespace forgedit
