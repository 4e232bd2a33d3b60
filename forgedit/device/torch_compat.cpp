#include "forgedit/device/torch_compat.h"

#include <cmath>
#include <limits>
#include <vector>

#include "forgedit/device/attention_by_head.h"
#include "forgedit/device/attention_in_parts.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"

namespace forgedit {

using torch::Tensor;

namespace {

#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
/// cuDNN and Flash add up the gradient of the queries over blocks of 64 keys or more, in varying order. The
/// sum of two blocks is the same in either order.
constexpr std::int64_t kKeysInAnyOrder = 128;
constexpr std::int64_t kWidestHead = 256;  // of Flash attention
/// The greatest product of queries and keys for which Flash is used, and the greatest of a batch's queries
/// and a text's keys. There, steps take at most 0.6 % longer than with cuDNN, which takes 0.04 s or more to
/// plan each shape at its first use (docs/performance.md).
constexpr std::int64_t kMostScoresOfFlash = 1 << 18, kMostTextScoresOfFlash = 1 << 22;

kernels::AttentionRows rows_of(const Tensor& x) {
  return {static_cast<const kernels::Bf16*>(x.data_ptr()), x.stride(0), x.stride(1), x.stride(2)};
}

/// How to compute gradients. If sums over blocks of keys have at most two terms, cuDNN or Flash computes all
/// gradients. Otherwise our own kernels compute all of them, or only that of the queries, if they support the
/// shape and the device; if not, Flash computes ordered sums.
enum class BackwardBy { cudnn, own, cudnn_and_kernel, flash, ordered_flash };

/// The tensors that forward saves for backward, in the order of save_for_backward.
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
  float scale() const { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(q.size(3)))); }

  Tensor q, k, v, out, sums, seed, offset;
};

kernels::Bf16* values_of(const Tensor& x) {
  return static_cast<kernels::Bf16*>(x.data_ptr());
}

/// Computes all gradients by our own kernels. These need a gradient whose tokens do not overlap, unlike those
/// of an expanded tensor.
torch::autograd::variable_list gradients_by_kernels(const Attended& a, const Tensor& given) {
  const bool usable = given.stride(3) == 1 && given.is_non_overlapping_and_dense();
  const auto gradient = usable ? given : given.contiguous();
  const auto s = a.shape();
  const auto make = [&](std::int64_t tokens) {
    return torch::empty({s.batch, tokens, s.heads, s.head}, a.q.options());
  };
  const auto dq = make(s.queries), dk = make(s.keys), dv = make(s.keys);
  const auto workspace = torch::empty({kernels::attention_gradients_workspace(s)}, a.sums.options());
  kernels::attention_gradients(s, rows_of(a.q), rows_of(a.k), rows_of(a.v), rows_of(a.out), rows_of(gradient),
                               a.sums.data_ptr<float>(), a.scale(),
                               {values_of(dq), values_of(dk), values_of(dv)}, workspace.data_ptr<float>(),
                               cuda::current_stream(a.q.get_device()));
  return {dq.transpose(1, 2), dk.transpose(1, 2), dv.transpose(1, 2), Tensor(), Tensor(), Tensor()};
}

/// cuDNN's gradients of keys and values are reproducible. If that of the queries is not (`anew`), our own
/// kernel computes it.
torch::autograd::variable_list gradients_by_cudnn(const Attended& a, const Tensor& given, bool causal,
                                                  bool anew) {
  const auto gradient = given.stride(3) == 1 ? given : given.contiguous();
  const DeterminismScope fast(false, false);  // its own deterministic mode is no better (LibTorch 2.11)
  const auto [dq, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
      gradient, a.q, a.k, a.v, a.out, a.sums.unsqueeze(-1), a.seed, a.offset, {}, {}, {}, a.q.size(2),
      a.k.size(2), 0.0, causal);
  if (!anew) return {dq, dk, dv, Tensor(), Tensor(), Tensor()};
  const auto s = a.shape();
  const auto ordered = torch::empty({s.batch, s.queries, s.heads, s.head}, a.q.options());
  kernels::query_gradient(s, rows_of(a.q), rows_of(a.k), rows_of(a.v), rows_of(a.out), rows_of(gradient),
                          a.sums.data_ptr<float>(), a.scale(), values_of(ordered),
                          cuda::current_stream(a.q.get_device()));
  return {ordered.transpose(1, 2), dk, dv, Tensor(), Tensor(), Tensor()};
}

torch::autograd::variable_list gradients_by_flash(const Attended& a, const Tensor& gradient, bool causal,
                                                  bool ordered) {
  const DeterminismScope scope(ordered, /*warn_only=*/false);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(
      gradient, a.q, a.k, a.v, a.out, a.sums, {}, {}, a.q.size(2), a.k.size(2), 0.0, causal, a.seed,
      a.offset);
  return {dq, dk, dv, Tensor(), Tensor(), Tensor()};
}

/// Attention whose forward pass is computed by cuDNN or Flash, with a backward pass that has a fixed order of
/// sums.
class OrderedAttention : public torch::autograd::Function<OrderedAttention> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& q, const Tensor& k,
                        const Tensor& v, bool causal, bool by_cudnn, std::int64_t back) {
    const auto result = by_cudnn ? at::_scaled_dot_product_cudnn_attention(
                                       q, k, v, {}, /*compute_log_sumexp=*/true, 0.0, causal)
                                 : at::_scaled_dot_product_flash_attention(q, k, v, 0.0, causal);
    const auto& out = std::get<0>(result);
    auto sums = std::get<1>(result);  // logarithms of sums; cuDNN adds a last dimension of 1
    if (sums.dim() == 4) sums = sums.squeeze(-1);
    ctx->save_for_backward({q, k, v, out, sums.contiguous(), std::get<6>(result), std::get<7>(result)});
    ctx->saved_data["causal"] = causal;
    ctx->saved_data["back"] = back;
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const Attended attended(ctx->get_saved_variables());
    const bool causal = ctx->saved_data["causal"].toBool();
    const auto back = static_cast<BackwardBy>(ctx->saved_data["back"].toInt());
    if (back == BackwardBy::flash || back == BackwardBy::ordered_flash)
      return gradients_by_flash(attended, grads[0], causal, back == BackwardBy::ordered_flash);
    if (back == BackwardBy::own) return gradients_by_kernels(attended, grads[0]);
    return gradients_by_cudnn(attended, grads[0], causal, back == BackwardBy::cudnn_and_kernel);
  }
};

BackwardBy backward_by(const Tensor& q, const Tensor& k, bool causal, bool by_cudnn) {
  if (k.size(2) <= kKeysInAnyOrder) return by_cudnn ? BackwardBy::cudnn : BackwardBy::flash;
  if (!by_cudnn || causal || q.scalar_type() != torch::kBFloat16) return BackwardBy::ordered_flash;
  const kernels::AttentionShape shape{q.size(0), q.size(1), q.size(2), k.size(2), q.size(3)};
  if (kernels::attention_gradients_fit(shape)) return BackwardBy::own;
  return kernels::query_gradient_fits(shape) ? BackwardBy::cudnn_and_kernel : BackwardBy::ordered_flash;
}

bool is_small_for_flash(const Tensor& q, const Tensor& k) {
  const auto scores = q.size(2) * k.size(2);
  return scores <= kMostScoresOfFlash ||
         (k.size(2) <= kKeysInAnyOrder && q.size(0) * scores <= kMostTextScoresOfFlash);
}

/// Attention for 16-bit tensors on a GPU.
Tensor ordered_attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  const DeterminismScope any(false, false);  // LibTorch assumes that cuDNN's attention is never reproducible
  const bool with_gradients =
      c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  const auto head = q.size(3);
  const auto choice = static_cast<at::SDPBackend>(at::_fused_sdp_choice(q, k, v, {}, 0.0, causal));
  const bool fits_flash =
      head % 8 == 0 && head <= kWidestHead &&
      (choice == at::SDPBackend::cudnn_attention || choice == at::SDPBackend::flash_attention);
  const bool is_small = is_small_for_flash(q, k);
  if (!with_gradients) {
    return fits_flash && is_small ? std::get<0>(at::_scaled_dot_product_flash_attention(q, k, v, 0.0, causal))
                                  : at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
  }
  if (!fits_flash) return std::get<0>(at::_scaled_dot_product_attention_math(q, k, v, {}, 0.0, causal));
  const bool by_cudnn = choice == at::SDPBackend::cudnn_attention && !is_small;
  const auto back = backward_by(q, k, causal, by_cudnn);
  return OrderedAttention::apply(q, k, v, causal, by_cudnn, static_cast<std::int64_t>(back));
}
#endif

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
  if (q.is_cuda() && q.element_size() == 2 && at::globalContext().deterministicAlgorithms()) {
    return ordered_attention(q, k, v, causal);
  }
#endif
  if (!causal && attends_in_parts(q, k)) return attention_in_parts(q, k, v);
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#else
  if (!causal && attends_by_head(q, k)) return attention_by_head(q, k, v);
  auto scores = torch::matmul(q * (1.0 / std::sqrt(static_cast<double>(q.size(-1)))), k.transpose(-2, -1));
  if (causal) {
    const auto mask = torch::ones({q.size(-2), k.size(-2)}, scores.options().dtype(torch::kBool)).triu(1);
    scores = scores.masked_fill(mask, -std::numeric_limits<float>::infinity());
  }
  return torch::matmul(scores.softmax(-1), v);
#endif
}

void choose_attention() {
#if TORCH_VERSION_MAJOR >= 2
  auto& context = at::globalContext();
#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
  std::vector<std::int64_t> order{static_cast<std::int64_t>(at::SDPBackend::cudnn_attention)};
  for (const auto backend : context.sDPPriorityOrder()) {
    if (backend != at::SDPBackend::cudnn_attention) order.push_back(static_cast<std::int64_t>(backend));
  }
  context.setSDPPriorityOrder(order);
#endif
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
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
