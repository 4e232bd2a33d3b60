#include "forgedit/models/unet_ahead.h"

#include "forgedit/models/unet_blocks.h"
#include "forgedit/nn/attention.h"
#include "forgedit/nn/resnet.h"

namespace forgedit {
namespace {

/// The layers that are precomputed, in the order of the network's modules.
struct Layers {
  explicit Layers(UNetImpl& unet) {
    for (const auto& module : unet.modules(/*include_self=*/false)) {
      if (auto* resnet = module->as<nn::ResnetBlock2DImpl>()) resnets.push_back(resnet);
      if (auto* upsampler = module->as<nn::Upsample2DImpl>()) upsamplers.push_back(upsampler);
      if (auto* transformer = module->as<nn::Transformer2DModelImpl>()) transformers.push_back(transformer);
      if (auto* block = module->as<nn::BasicTransformerBlockImpl>()) {
        const auto children = block->named_children();
        own.push_back(children["attn1"]->as<nn::AttentionImpl>());
        text.push_back(children["attn2"]->as<nn::AttentionImpl>());
      }
    }
  }
  std::vector<nn::ResnetBlock2DImpl*> resnets;
  std::vector<nn::Upsample2DImpl*> upsamplers;
  std::vector<nn::Transformer2DModelImpl*> transformers;
  std::vector<nn::AttentionImpl*> own, text;
};

/// Stores `value` in `kept`. If `kept` already has memory, copies into it, because CUDA graphs need fixed
/// addresses.
void keep(torch::Tensor& kept, const torch::Tensor& value) {
  if (kept.defined()) {
    kept.copy_(value);
  } else {
    kept = value.clone();
  }
}

template <typename Layer, typename Make>
void keep_all(std::vector<torch::Tensor>& kept, const std::vector<Layer*>& layers, Make make) {
  kept.resize(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) keep(kept[i], make(*layers[i]));
}

/// Whether any of the block's parameters that its addend is computed from needs a gradient.
bool addend_learns(const nn::ResnetBlock2DImpl& resnet) {
  return resnet.time_projection().weight.requires_grad() || resnet.time_projection().bias.requires_grad() ||
         resnet.first_conv().bias.requires_grad();
}

}  // namespace

JoinedAddends join_addends(UNetImpl& unet, const torch::Tensor& time) {
  std::vector<torch::Tensor> weights, biases, conv_biases;
  for (const auto* resnet : Layers(unet).resnets) {
    weights.push_back(resnet->time_projection().weight);
    biases.push_back(resnet->time_projection().bias);
    conv_biases.push_back(resnet->first_conv().bias);
  }
  return {at::linear(torch::silu(time), torch::cat(weights), torch::cat(biases) + torch::cat(conv_biases)),
          time.requires_grad()};
}

torch::Tensor join_addends_of_steps(UNetImpl& unet, const torch::Tensor& timesteps,
                                    const AddedConditions& added) {
  auto time = unet.embed_time(timesteps);
  // Every sample then has its own embedding in each step: the layers' SiLU comes after the sum.
  if (const auto more = unet.embed_added(added); more.defined()) {
    time = (time.unsqueeze(1) + more.unsqueeze(0)).flatten(0, 1);
  }
  const auto rows = join_addends(unet, time).rows;
  return rows.view({timesteps.size(0), -1, rows.size(1)});
}

torch::Tensor join_keys_and_values(UNetImpl& unet, const torch::Tensor& encoder_hidden_states) {
  std::vector<torch::Tensor> weights;
  for (auto* attention : Layers(unet).text) {
    for (const auto& weight : attention->context_weights()) weights.push_back(weight);
  }
  return nn::project_context(encoder_hidden_states, torch::cat(weights));
}

PrecomputedScope::Members::~Members() {
  for (auto* member : set_) *member = torch::Tensor();
}

void PrecomputedScope::Members::set(torch::Tensor& member, const torch::Tensor& value) {
  set_.push_back(&member);
  member = value;
}

PrecomputedScope::PrecomputedScope(UNetImpl& unet, const JoinedAddends& addends,
                                   const torch::Tensor& keys_and_values, const JoinedWeights& weights) {
  const Layers layers(unet);
  std::vector<std::int64_t> widths;
  for (const auto* resnet : layers.resnets) widths.push_back(resnet->first_conv().weight.size(0));
  const auto addend_of = addends.rows.split_with_sizes(widths, 1);
  const auto batch = keys_and_values.size(0);
  for (std::size_t i = 0; i < layers.resnets.size(); ++i) {
    // Autograd treats a part of `rows` as differentiable if any addend is, so addends that need no gradient
    // are detached.
    const bool learns = addends.time_learns || addend_learns(*layers.resnets[i]);
    const auto own = learns ? addend_of[i] : addend_of[i].detach();
    members_.set(layers.resnets[i]->precomputed_addend,
                 addends.rows.size(0) == 1 ? own.expand({batch, -1}) : own);
  }
  widths.clear();
  for (auto* attention : layers.text) {
    for (const auto& weight : attention->context_weights()) widths.push_back(weight.size(0));
  }
  const auto part_of = keys_and_values.split_with_sizes(widths, 2);
  for (std::size_t i = 0; i < layers.text.size(); ++i) {
    members_.set(layers.text[i]->precomputed_keys, part_of[2 * i]);
    members_.set(layers.text[i]->precomputed_values, part_of[2 * i + 1]);
  }
  for (std::size_t i = 0; i < weights.projections.size(); ++i) {
    members_.set(layers.own[i]->precomputed_weights, weights.projections[i]);
  }
  for (std::size_t i = 0; i < weights.biases.size(); ++i) {
    members_.set(layers.transformers[i]->precomputed_bias, weights.biases[i]);
  }
  for (std::size_t i = 0; i < weights.upsamplers.size(); ++i) {
    members_.set(layers.upsamplers[i]->precomputed_weight, weights.upsamplers[i]);
  }
}

UNetAhead::UNetAhead(UNet unet, const torch::Tensor& timesteps)
    : unet_(std::move(unet)), timesteps_(timesteps) {}

void UNetAhead::update(const torch::Tensor& encoder_hidden_states, const AddedConditions& added) {
  torch::NoGradGuard no_grad;
  const auto addends = join_addends_of_steps(*unet_, timesteps_, added);
  keep(addends_, addends);
  keep(keys_and_values_, join_keys_and_values(*unet_, encoder_hidden_states.to(addends.scalar_type())));
  const Layers layers(*unet_);
  keep_all(weights_.projections, layers.own, [](auto& layer) { return layer.stacked_weights(); });
  keep_all(weights_.biases, layers.transformers, [](auto& layer) { return layer.joined_bias(); });
  keep_all(weights_.upsamplers, layers.upsamplers, [](auto& layer) { return layer.fused_weight(); });
}

torch::Tensor UNetAhead::forward(const torch::Tensor& latents, const torch::Tensor& step) {
  const PrecomputedScope precomputed(*unet_, {addends_.index_select(0, step).squeeze(0)}, keys_and_values_,
                                     weights_);
  return unet_->forward_embedded(latents, {});
}

}  // namespace forgedit
