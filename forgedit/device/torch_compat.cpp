#include "forgedit/device/torch_compat.h"

#include <cmath>
#include <limits>
#include <vector>

namespace forgedit {

using torch::Tensor;

namespace {

#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
/// Gradients of queries are sums over blocks of keys, which cuDNN adds up as they come. Two blocks of 64 keys
/// or more add up the same in either order.
constexpr std::int64_t kKeysInAnyOrder = 128;
constexpr std::int64_t kWidestHead = 256;  // of Flash

/// cuDNN's or Flash's way forward, Flash's way back, which has an order.
class OrderedAttention : public torch::autograd::Function<OrderedAttention> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& q, const Tensor& k,
                        const Tensor& v, bool causal, bool by_cudnn) {
    const auto result = by_cudnn ? at::_scaled_dot_product_cudnn_attention(
                                       q, k, v, {}, /*compute_log_sumexp=*/true, 0.0, causal)
                                 : at::_scaled_dot_product_flash_attention(q, k, v, 0.0, causal);
    const auto& out = std::get<0>(result);
    auto sums = std::get<1>(result);  // logarithms of the rows' sums; cuDNN has a last dimension of 1
    if (sums.dim() == 4) sums = sums.squeeze(-1);
    ctx->save_for_backward({q, k, v, out, sums.contiguous(), std::get<6>(result), std::get<7>(result)});
    ctx->saved_data["causal"] = causal;
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const DeterminismScope ordered(true, /*warn_only=*/false);
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(
        grads[0], saved[0], saved[1], saved[2], saved[3], saved[4], {}, {}, saved[0].size(2),
        saved[1].size(2), 0.0, ctx->saved_data["causal"].toBool(), saved[5], saved[6]);
    return {dq, dk, dv, Tensor(), Tensor()};
  }
};

/// Whether gradients are wanted that cuDNN would not repeat.
bool needs_order(const Tensor& q, const Tensor& k, const Tensor& v) {
  const auto& context = at::globalContext();
  return q.is_cuda() && q.element_size() == 2 && k.size(2) > kKeysInAnyOrder && c10::GradMode::is_enabled() &&
         (q.requires_grad() || k.requires_grad() || v.requires_grad()) && context.deterministicAlgorithms() &&
         context.deterministicAlgorithmsWarnOnly();
}

Tensor ordered_attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  const auto head = q.size(3);
  const auto choice = static_cast<at::SDPBackend>(at::_fused_sdp_choice(q, k, v, {}, 0.0, causal));
  const bool by_cudnn = choice == at::SDPBackend::cudnn_attention;
  if (head % 8 == 0 && head <= kWidestHead && (by_cudnn || choice == at::SDPBackend::flash_attention)) {
    return OrderedAttention::apply(q, k, v, causal, by_cudnn);
  }
  return std::get<0>(at::_scaled_dot_product_attention_math(q, k, v, {}, 0.0, causal));
}
#endif

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
  if (needs_order(q, k, v)) return ordered_attention(q, k, v, causal);
#endif
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#else
  auto scores = torch::matmul(q * (1.0 / std::sqrt(static_cast<double>(q.size(-1)))), k.transpose(-2, -1));
  if (causal) {
    const auto mask = torch::ones({q.size(-2), k.size(-2)}, scores.options().dtype(torch::kBool)).triu(1);
    scores = scores.masked_fill(mask, -std::numeric_limits<float>::infinity());
  }
  return torch::matmul(scores.softmax(-1), v);
#endif
}

void choose_attention(bool mixed) {
#if TORCH_VERSION_MAJOR >= 2
  auto& context = at::globalContext();
#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
  std::vector<std::int64_t> order{static_cast<std::int64_t>(at::SDPBackend::cudnn_attention)};
  for (const auto backend : context.sDPPriorityOrder()) {
    if (backend != at::SDPBackend::cudnn_attention) order.push_back(static_cast<std::int64_t>(backend));
  }
  context.setSDPPriorityOrder(order);
#else
  mixed = false;
#endif
  context.setDeterministicFillUninitializedMemory(false);
  // Where only warned of, cuDNN's attention may be chosen: needs_order has what it does not repeat.
  context.setDeterministicAlgorithms(true, /*warn_only=*/mixed);
#else
  static_cast<void>(mixed);
#endif
}

DeterminismScope::DeterminismScope(bool deterministic, bool warn_only)
    : was_(at::globalContext().deterministicAlgorithms()),
      was_warn_only_(at::globalContext().deterministicAlgorithmsWarnOnly()) {
  at::globalContext().setDeterministicAlgorithms(deterministic, warn_only);
}

DeterminismScope::~DeterminismScope() {
  at::globalContext().setDeterministicAlgorithms(was_, was_warn_only_);
}

}  // namespace forgedit
