#include "forgedit/device/torch_compat.h"

#include <cmath>
#include <limits>
#include <vector>

#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"

namespace forgedit {

using torch::Tensor;

namespace {

#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
/// Gradients of queries are sums over blocks of keys, which cuDNN adds up as they come. Two blocks of 64 keys
/// or more add up the same in either order.
constexpr std::int64_t kKeysInAnyOrder = 128;
constexpr std::int64_t kWidestHead = 256;  // of Flash

kernels::AttentionRows rows_of(const Tensor& x) {
  return {static_cast<const kernels::Bf16*>(x.data_ptr()), x.stride(0), x.stride(1), x.stride(2)};
}

/// What goes from the way forward to the way back, in the order of save_for_backward.
struct Attended {
  explicit Attended(const std::vector<Tensor>& saved)
      : q(saved[0]),
        k(saved[1]),
        v(saved[2]),
        out(saved[3]),
        sums(saved[4]),
        seed(saved[5]),
        offset(saved[6]) {}
  kernels::AttentionShape shape() const { return {q.size(0), q.size(1), q.size(2), k.size(2), q.size(3)}; }

  Tensor q, k, v, out, sums, seed, offset;
};

/// Gradients of keys and values by cuDNN, which repeat; that of the queries by a kernel of ours.
torch::autograd::variable_list gradients_by_cudnn(const Attended& a, const Tensor& given) {
  const auto gradient = given.stride(3) == 1 ? given : given.contiguous();
  const auto [unordered, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
      gradient, a.q, a.k, a.v, a.out, a.sums.unsqueeze(-1), a.seed, a.offset, {}, {}, {}, a.q.size(2),
      a.k.size(2), 0.0, /*is_causal=*/false);
  const auto s = a.shape();
  const auto dq = torch::empty({s.batch, s.queries, s.heads, s.head}, a.q.options());
  kernels::query_gradient(s, rows_of(a.q), rows_of(a.k), rows_of(a.v), rows_of(a.out), rows_of(gradient),
                          a.sums.data_ptr<float>(),
                          static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.head))),
                          static_cast<kernels::Bf16*>(dq.data_ptr()), cuda::current_stream(a.q.get_device()));
  return {dq.transpose(1, 2), dk, dv, Tensor(), Tensor()};
}

torch::autograd::variable_list gradients_by_flash(const Attended& a, const Tensor& gradient, bool causal) {
  const DeterminismScope ordered(true, /*warn_only=*/false);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(
      gradient, a.q, a.k, a.v, a.out, a.sums, {}, {}, a.q.size(2), a.k.size(2), 0.0, causal, a.seed,
      a.offset);
  return {dq, dk, dv, Tensor(), Tensor()};
}

/// cuDNN's or Flash's way forward, and a way back that has an order.
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
    const std::vector<Tensor> kept{q, k, v, out, sums.contiguous(), std::get<6>(result), std::get<7>(result)};
    ctx->save_for_backward(kept);
    ctx->saved_data["causal"] = causal;
    ctx->saved_data["cudnn"] = by_cudnn && !causal && q.scalar_type() == torch::kBFloat16 &&
                               kernels::query_gradient_fits(Attended(kept).shape());
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const Attended attended(ctx->get_saved_variables());
    if (ctx->saved_data["cudnn"].toBool()) return gradients_by_cudnn(attended, grads[0]);
    return gradients_by_flash(attended, grads[0], ctx->saved_data["causal"].toBool());
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
