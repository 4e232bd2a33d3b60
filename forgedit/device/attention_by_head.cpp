#include "forgedit/device/attention_by_head.h"

#include <dlfcn.h>

#include <cmath>

#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Sgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*,
                       const float*, const int*, const float*, const int*, const float*, float*, const int*);

Sgemm sgemm() {
  static const auto found = reinterpret_cast<Sgemm>(::dlsym(RTLD_DEFAULT, "sgemm_"));
  return found;
}

/// One head of a tensor, or its transpose, in row-major order.
struct Matrix {
  float* data;
  int rows, columns, stride;
  bool transposed = false;

  Matrix t() const { return {data, columns, rows, stride, !transposed}; }
};

/// Computes result = scale · a b.
void multiply(const Matrix& a, const Matrix& b, float scale, const Matrix& result) {
  const float zero = 0;
  // BLAS is column-major: it sees every matrix transposed, so it computes resultᵀ = bᵀ aᵀ.
  sgemm()(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &result.columns, &result.rows, &a.columns,
          &scale, b.data, &b.stride, a.data, &a.stride, &zero, result.data, &result.stride);
}

/// The matrices of a tensor (batch, heads, rows, columns).
class Heads {
 public:
  explicit Heads(const Tensor& x) : x_(x.stride(3) == 1 && x.stride(2) >= x.size(3) ? x : x.contiguous()) {}

  Matrix operator()(std::int64_t sample, std::int64_t head) const {
    return {x_.data_ptr<float>() + sample * x_.stride(0) + head * x_.stride(1), static_cast<int>(x_.size(2)),
            static_cast<int>(x_.size(3)), static_cast<int>(x_.stride(2))};
  }

 private:
  Tensor x_;
};

Matrix matrix(const Tensor& x) {
  return {x.data_ptr<float>(), static_cast<int>(x.size(0)), static_cast<int>(x.size(1)),
          static_cast<int>(x.size(1))};
}

/// An empty tensor (batch, heads, tokens, d) in a layout whose heads can be merged without a copy.
Tensor heads_side_by_side(const Tensor& like) {
  return torch::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options())
      .transpose(1, 2);
}

float scale_of(const Tensor& q) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(q.size(3))));
}

/// Returns the attention. If `shares` (batch, heads, queries, keys) is defined, writes the softmax of all
/// scores into it.
Tensor attend_by_head(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& shares = {}) {
  const auto out = heads_side_by_side(q);
  const Heads queries(q), keys(k), values(v), results(out);
  const auto scores = torch::empty({q.size(2), k.size(2)}, q.options());
  auto own = shares.defined() ? Tensor() : torch::empty_like(scores);
  for (std::int64_t sample = 0; sample < q.size(0); ++sample) {
    for (std::int64_t head = 0; head < q.size(1); ++head) {
      multiply(queries(sample, head), keys(sample, head).t(), scale_of(q), matrix(scores));
      auto share = shares.defined() ? shares[sample][head] : own;
      at::_softmax_out(share, scores, -1, false);
      multiply(matrix(share), values(sample, head), 1, results(sample, head));
    }
  }
  return out;
}

class AttentionByHead : public torch::autograd::Function<AttentionByHead> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v) {
    const auto shares = torch::empty({q.size(0), q.size(1), q.size(2), k.size(2)}, q.options());
    ctx->save_for_backward({q, k, v, shares});
    return attend_by_head(q, k, v, shares);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto &q = saved[0], &k = saved[1], &v = saved[2], &shares = saved[3];
    const auto dq = heads_side_by_side(q), dk = heads_side_by_side(k), dv = heads_side_by_side(v);
    const Heads queries(q), keys(k), values(v), outs(gradients[0]), dqs(dq), dks(dk), dvs(dv);
    const auto dshare = torch::empty({q.size(2), k.size(2)}, q.options());
    auto dscores = torch::empty_like(dshare);
    for (std::int64_t sample = 0; sample < q.size(0); ++sample) {
      for (std::int64_t head = 0; head < q.size(1); ++head) {
        const auto share = shares[sample][head];
        const auto dout = outs(sample, head);
        multiply(matrix(share).t(), dout, 1, dvs(sample, head));
        multiply(dout, values(sample, head).t(), 1, matrix(dshare));
        at::_softmax_backward_data_out(dscores, dshare, share, -1, torch::kFloat);
        multiply(matrix(dscores), keys(sample, head), scale_of(q), dqs(sample, head));
        multiply(matrix(dscores).t(), queries(sample, head), scale_of(q), dks(sample, head));
      }
    }
    return {dq, dk, dv};
  }
};

}  // namespace

bool attends_by_head(const Tensor& q, const Tensor& k) {
  return q.is_cpu() && q.scalar_type() == torch::kFloat && k.scalar_type() == torch::kFloat &&
         q.numel() > 0 && k.numel() > 0 && !is_cpu_autocast() && sgemm();
}

Tensor attention_by_head(const Tensor& q, const Tensor& k, const Tensor& v) {
  const bool with_gradients =
      c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  return with_gradients ? Tensor(AttentionByHead::apply(q, k, v)) : attend_by_head(q, k, v);
}

}  // namespace forgedit
