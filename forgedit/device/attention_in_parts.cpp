#include "forgedit/device/attention_in_parts.h"

#include <algorithm>
#include <cmath>

namespace forgedit {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kMostScores = std::int64_t{4} << 20;    // per sample, if computed as a whole
constexpr std::int64_t kScoresAtOnce = std::int64_t{2} << 20;  // per head; these stay in a CPU's cache

/// An empty tensor (batch, heads, tokens, d) in a layout whose heads can be merged without a copy.
Tensor empty_heads(const Tensor& like) {
  return torch::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options())
      .transpose(1, 2);
}

Tensor head_of(const Tensor& x, std::int64_t sample, std::int64_t head) {
  return x.select(0, sample).select(0, head);
}

/// The attention of one head; tensors are (tokens, d). Processes the queries part by part.
class HeadInParts {
 public:
  HeadInParts(const Tensor& q, const Tensor& k, const Tensor& v)
      : most_rows_(std::clamp<std::int64_t>(kScoresAtOnce / k.size(2), 1, q.size(2))),
        scores_(torch::empty({most_rows_, k.size(2)}, q.options())),
        shares_(torch::empty_like(scores_)),
        products_(torch::empty({most_rows_, v.size(3)}, q.options())),
        scale_(1.0 / std::sqrt(static_cast<double>(q.size(3)))) {}

  void take(const Tensor& q, const Tensor& k, const Tensor& v) {
    q_ = q * scale_;
    k_ = k;
    v_ = v;
  }
  void forward(const Tensor& out) {
    for (std::int64_t first = 0; first < q_.size(0); first += most_rows_) {
      const auto rows = std::min(most_rows_, q_.size(0) - first);
      const auto shares = shares_of(first, rows);
      auto product = products_.narrow(0, 0, rows);
      at::mm_out(product, shares, v_);
      out.narrow(0, first, rows).copy_(product);
    }
  }
  /// Writes the gradients dq, dk and dv, from the result `out` and its gradient.
  void backward(const Tensor& out, const Tensor& gradient, const Tensor& dq, const Tensor& dk,
                const Tensor& dv) {
    auto key_sums = torch::zeros(k_.sizes(), k_.options()),
         value_sums = torch::zeros(v_.sizes(), v_.options());
    for (std::int64_t first = 0; first < q_.size(0); first += most_rows_) {
      const auto rows = std::min(most_rows_, q_.size(0) - first);
      const auto shares = shares_of(first, rows);
      const auto g = gradient.narrow(0, first, rows);
      value_sums.addmm_(shares.t(), g);
      const auto means = (g * out.narrow(0, first, rows)).sum(1, true);
      auto slopes = scores_.narrow(0, 0, rows);
      at::mm_out(slopes, g, v_.t());
      slopes.sub_(means).mul_(shares);
      dq.narrow(0, first, rows).copy_(at::mm(slopes, k_).mul_(scale_));
      key_sums.addmm_(slopes.t(), q_.narrow(0, first, rows));
    }
    dk.copy_(key_sums);
    dv.copy_(value_sums);
  }

 private:
  Tensor shares_of(std::int64_t first, std::int64_t rows) {
    auto scores = scores_.narrow(0, 0, rows), shares = shares_.narrow(0, 0, rows);
    at::mm_out(scores, q_.narrow(0, first, rows), k_.t());
    at::_softmax_out(shares, scores, -1, false);
    return shares;
  }

  std::int64_t most_rows_;
  Tensor scores_, shares_, products_;
  double scale_;
  Tensor q_, k_, v_;
};

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) {
  const auto out = empty_heads(q);
  HeadInParts parts(q, k, v);
  for (std::int64_t sample = 0; sample < q.size(0); ++sample) {
    for (std::int64_t head = 0; head < q.size(1); ++head) {
      parts.take(head_of(q, sample, head), head_of(k, sample, head), head_of(v, sample, head));
      parts.forward(head_of(out, sample, head));
    }
  }
  return out;
}

class AttentionInParts : public torch::autograd::Function<AttentionInParts> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v) {
    const auto out = attend(q, k, v);
    ctx->save_for_backward({q, k, v, out});
    return out;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3];
    const auto dq = empty_heads(q), dk = empty_heads(k), dv = empty_heads(v);
    HeadInParts parts(q, k, v);
    for (std::int64_t sample = 0; sample < q.size(0); ++sample) {
      for (std::int64_t head = 0; head < q.size(1); ++head) {
        const auto of = [&](const Tensor& x) { return head_of(x, sample, head); };
        parts.take(of(q), of(k), of(v));
        parts.backward(of(out), of(gradients[0]), of(dq), of(dk), of(dv));
      }
    }
    return {dq, dk, dv};
  }
};

}  // namespace

bool attends_in_parts(std::int64_t heads, std::int64_t queries, std::int64_t keys) {
  return heads * queries * keys > kMostScores;
}

bool attends_in_parts(const Tensor& q, const Tensor& k) {
  return q.is_cpu() && q.scalar_type() == torch::kFloat && attends_in_parts(q.size(1), q.size(2), k.size(2));
}

Tensor attention_in_parts(const Tensor& q, const Tensor& k, const Tensor& v) {
  const bool with_gradients =
      c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  return with_gradients ? AttentionInParts::apply(q, k, v) : attend(q, k, v);
}

}  // namespace forgedit
