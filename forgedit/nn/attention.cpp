#include "forgedit/nn/attention.h"

#include "forgedit/core/error.h"
#include "forgedit/device/geglu.h"
#include "forgedit/device/kernels.h"
#include "forgedit/device/torch_compat.h"
#include "forgedit/nn/fused.h"

namespace forgedit::nn {
namespace {

/// (batch, tokens, heads * d) -> (batch, heads, tokens, d)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

torch::Tensor merge_heads(const torch::Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

/// (batch, channels, height, width) -> (batch, pixels, channels). Copies nothing if x is channels-last.
torch::Tensor to_tokens(const torch::Tensor& x) {
  return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

torch::Tensor to_map(const torch::Tensor& tokens, const torch::Tensor& like) {
  return tokens.view({tokens.size(0), like.size(2), like.size(3), tokens.size(2)}).permute({0, 3, 1, 2});
}

/// project(context). A context that is expanded over the batch (stride 0) is projected once.
template <typename Project>
torch::Tensor project_once(Project project, const torch::Tensor& context) {
  const auto batch = context.size(0);
  if (batch == 1 || context.stride(0) != 0) return project(context);
  return project(context.narrow(0, 0, 1)).expand({batch, -1, -1}).contiguous();
}

}  // namespace

AttentionImpl::AttentionImpl(std::int64_t features, std::int64_t context_features, std::int64_t heads,
                             bool projection_bias)
    : heads_(heads),
      to_q(register_module("to_q", Linear(features, features, projection_bias))),
      to_k(register_module("to_k", Linear(context_features, features, projection_bias))),
      to_v(register_module("to_v", Linear(context_features, features, projection_bias))),
      to_out(register_module("to_out", torch::nn::ModuleList(Linear(features, features)))) {}

torch::Tensor AttentionImpl::attend(const torch::Tensor& x, const torch::Tensor& context) {
  const auto q = split_heads(repeat_rows(to_q(x), context.size(0)), heads_);
  const auto k = split_heads(project_once(to_k, context), heads_);
  const auto v = split_heads(project_once(to_v, context), heads_);
  return merge_heads(forgedit::scaled_dot_product_attention(q, k, v));
}

torch::Tensor AttentionImpl::stacked_weights() {
  return torch::cat({to_q->weight, to_k->weight, to_v->weight});
}

std::vector<torch::Tensor> AttentionImpl::context_weights() {
  return {to_k->weight, to_v->weight};
}

torch::Tensor AttentionImpl::attend_to_itself(const torch::Tensor& x) {
  const auto weights = precomputed_weights.defined() ? precomputed_weights : stacked_weights();
  const auto parts = at::linear(x, weights).chunk(3, -1);
  return merge_heads(forgedit::scaled_dot_product_attention(split_heads(to_q->adapted(parts[0], x), heads_),
                                                            split_heads(to_k->adapted(parts[1], x), heads_),
                                                            split_heads(to_v->adapted(parts[2], x), heads_)));
}

torch::Tensor AttentionImpl::attend_fused(const torch::Tensor& x, const torch::Tensor& context) {
  auto keys = precomputed_keys, values = precomputed_values;
  if (!keys.defined()) {
    const auto parts = project_context(context, torch::cat(context_weights())).chunk(2, -1);
    keys = parts[0], values = parts[1];
  }
  // Precomputed keys and values contain the weights alone, without the adapters.
  if ((to_k->adapter.defined() || to_v->adapter.defined()) && !context.defined())
    throw failure("attention: its adapters need the text");
  if (to_k->adapter.defined()) keys = keys + project_once(to_k->adapter, context);
  if (to_v->adapter.defined()) values = values + project_once(to_v->adapter, context);
  const auto queries = repeat_rows(to_q(x), keys.size(0));
  return merge_heads(forgedit::scaled_dot_product_attention(
      split_heads(queries, heads_), split_heads(keys, heads_), split_heads(values, heads_)));
}

torch::Tensor repeat_rows(const torch::Tensor& x, std::int64_t rows) {
  if (x.size(0) == rows) return x;
  // repeat() is not used, because its result is never channels-last.
  return torch::cat(std::vector<torch::Tensor>(static_cast<std::size_t>(rows / x.size(0)), x));
}

torch::Tensor project_context(const torch::Tensor& context, const torch::Tensor& weight) {
  return project_once([&](const torch::Tensor& x) { return at::linear(x, weight); }, context);
}

LinearImpl& AttentionImpl::out() {
  return *to_out[0]->as<Linear>();
}

torch::Tensor AttentionImpl::forward(const torch::Tensor& x, const torch::Tensor& context) {
  return out().forward(attend(x, context));
}

FeedForwardImpl::FeedForwardImpl(std::int64_t features) {
  // Checkpoints call the layers net.0.proj and net.2; net.1 is a dropout without parameters.
  auto net = register_module("net", std::make_shared<torch::nn::Module>());
  auto geglu = net->register_module("0", std::make_shared<torch::nn::Module>());
  proj = geglu->register_module("proj", Linear(features, features * 8));
  out = net->register_module("2", Linear(features * 4, features));
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  const auto hidden = proj(x);
  if (geglu_fits(hidden)) return out(geglu(hidden));
  const auto parts = hidden.chunk(2, -1);
  return out(parts[0] * torch::gelu(parts[1]));
}

std::pair<torch::Tensor, torch::Tensor> FeedForwardImpl::forward_fused(const torch::Tensor& x,
                                                                       const torch::Tensor& residual) {
  if (proj->adapter.defined() || out->adapter.defined()) {
    const auto active = fused::geglu(proj->adapted(at::linear(x, proj->weight), x), proj->bias);
    const auto y = out->adapted(at::linear(active, out->weight), active);
    return {fused::add_bias_residual(y, out->bias, residual), {}};
  }
  if (!c10::GradMode::is_enabled()) {
    fused::add_feed_forward(x, *proj, *out, residual);
    return {residual, out->bias};
  }
  return {fused::add_bias_residual(fused::feed_forward(x, *proj, *out), out->bias, residual), {}};
}

BasicTransformerBlockImpl::BasicTransformerBlockImpl(std::int64_t features, std::int64_t context_features,
                                                     std::int64_t heads)
    : norm1(register_module("norm1", LayerNorm(features))),
      norm2(register_module("norm2", LayerNorm(features))),
      norm3(register_module("norm3", LayerNorm(features))),
      attn1(register_module("attn1", Attention(features, features, heads))),
      attn2(register_module("attn2", Attention(features, context_features, heads))),
      ff(register_module("ff", FeedForward(features))) {}

torch::Tensor BasicTransformerBlockImpl::forward(torch::Tensor x,
                                                 const torch::Tensor& encoder_hidden_states) {
  const auto normed = norm1(x);
  x = x + attn1(normed, normed);
  x = repeat_rows(x, encoder_hidden_states.size(0)) + attn2(norm2(x), encoder_hidden_states);
  return x + ff(norm3(x));
}

// Each bias is added in the pass that follows its matrix product.
std::pair<torch::Tensor, torch::Tensor> BasicTransformerBlockImpl::forward_fused(
    const torch::Tensor& x, const torch::Tensor& bias, const torch::Tensor& encoder_hidden_states) {
  const auto unbiased_out = [](Attention& attention, const torch::Tensor& attended) {
    return attention->out().adapted(at::linear(attended, attention->out().weight), attended);
  };
  const auto [x1, normed1] = fused::add_layer_norm(x, bias, {}, *norm1);
  const auto own = unbiased_out(attn1, attn1->attend_to_itself(normed1));
  const auto [x2, normed2] = fused::add_layer_norm(own, attn1->out().bias, x1, *norm2);
  const auto text = unbiased_out(attn2, attn2->attend_fused(normed2, encoder_hidden_states));
  const auto [x3, normed3] =
      fused::add_layer_norm(text, attn2->out().bias, repeat_rows(x2, text.size(0)), *norm3);
  return ff->forward_fused(normed3, x3);
}

ChannelProjection::ChannelProjection(torch::nn::Module& parent, const std::string& name,
                                     std::int64_t channels, bool linear) {
  if (linear) {
    linear_ = parent.register_module(name, Linear(channels, channels));
  } else {
    conv_ = parent.register_module(name, Conv2d(channels, channels, 1));
  }
}

torch::Tensor ChannelProjection::operator()(const torch::Tensor& x) const {
  return linear_.is_empty() ? conv_->forward(x) : to_map(linear_->forward(to_tokens(x)), x);
}

torch::Tensor ChannelProjection::unbiased(const torch::Tensor& x) const {
  const auto y = fused::pointwise(x, weight());
  const auto& adapter = linear_.is_empty() ? conv_->adapter : linear_->adapter;
  return adapter.defined() ? y + to_map(adapter(to_tokens(x)), x) : y;
}

Transformer2DModelImpl::Transformer2DModelImpl(const TransformerOptions& o)
    : norm(register_module("norm", GroupNorm(o.norm_groups, o.channels, 1e-6))),
      proj_in(*this, "proj_in", o.channels, o.linear_projection),
      transformer_blocks(register_module("transformer_blocks", torch::nn::ModuleList())),
      proj_out(*this, "proj_out", o.channels, o.linear_projection) {
  for (std::int64_t i = 0; i < o.layers; ++i) {
    transformer_blocks->push_back(BasicTransformerBlock(o.channels, o.context_features, o.heads));
  }
}

torch::Tensor Transformer2DModelImpl::forward(const torch::Tensor& x,
                                              const torch::Tensor& encoder_hidden_states,
                                              const torch::Tensor& sums) {
  if (fused::fits(x, norm->weight) && x.size(1) <= kernels::kMaxNormWidth)
    return forward_fused(x, encoder_hidden_states, sums);
  auto tokens = to_tokens(proj_in(norm(x)));
  for (const auto& block : *transformer_blocks) {
    tokens = block->as<BasicTransformerBlock>()->forward(tokens, encoder_hidden_states);
  }
  return proj_out(to_map(tokens, x)) + repeat_rows(x, tokens.size(0));
}

torch::Tensor Transformer2DModelImpl::forward_fused(const torch::Tensor& x,
                                                    const torch::Tensor& encoder_hidden_states,
                                                    const torch::Tensor& sums) {
  const auto [normed, residual] =
      sums.defined() ? std::pair(fused::group_norm(fused::SummedMap{x, sums}, *norm, false), x)
                     : fused::group_norm(x, *norm, false);
  auto tokens = to_tokens(proj_in.unbiased(normed));
  auto bias = proj_in.bias();
  for (const auto& block : *transformer_blocks) {
    std::tie(tokens, bias) =
        block->as<BasicTransformerBlock>()->forward_fused(tokens, bias, encoder_hidden_states);
  }
  bias = bias.defined() ? (precomputed_bias.defined() ? precomputed_bias : joined_bias()) : proj_out.bias();
  return fused::add_bias_residual(proj_out.unbiased(to_map(tokens, x)), bias,
                                  repeat_rows(residual, tokens.size(0)));
}

torch::Tensor Transformer2DModelImpl::joined_bias() {
  const auto& last = *transformer_blocks[transformer_blocks->size() - 1]->as<BasicTransformerBlock>();
  const auto weight = proj_out.weight().view({proj_out.weight().size(0), proj_out.weight().size(1)});
  return torch::addmv(proj_out.bias(), weight, last.out_bias());
}

SpatialAttentionImpl::SpatialAttentionImpl(std::int64_t channels, std::int64_t norm_groups)
    : group_norm(register_module("group_norm", GroupNorm(norm_groups, channels, 1e-6))),
      to_q(register_module("to_q", Linear(channels, channels))),
      to_k(register_module("to_k", Linear(channels, channels))),
      to_v(register_module("to_v", Linear(channels, channels))),
      to_out(register_module("to_out", torch::nn::ModuleList(Linear(channels, channels)))) {}

torch::Tensor SpatialAttentionImpl::forward(const torch::Tensor& x) {
  const auto normed =
      fused::fits(x, group_norm->weight) ? fused::group_norm(x, *group_norm, false).first : group_norm(x);
  const auto tokens = to_tokens(normed);
  const auto attended = forgedit::scaled_dot_product_attention(
      split_heads(to_q(tokens), 1), split_heads(to_k(tokens), 1), split_heads(to_v(tokens), 1));
  return x + to_map(to_out[0]->as<Linear>()->forward(merge_heads(attended)), x);
}

}  // namespace forgedit::nn
