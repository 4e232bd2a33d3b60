#include "forgedit/device/geglu.h"

#include <algorithm>

#include "forgedit/core/parallel.h"
#include "forgedit/device/geglu_rows.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kFewestValues = 1 << 17;  // fewer values do not justify another thread

std::int64_t fewest_rows(std::int64_t width) {
  return std::max<std::int64_t>(1, kFewestValues / width);
}

Tensor activate(const Tensor& x) {
  auto sizes = x.sizes().vec();
  const auto width = sizes.back() /= 2;
  const auto vectors = widest_vectors();
  const auto y = torch::empty(sizes, x.options());
  const auto* from = x.data_ptr<float>();
  auto* to = y.data_ptr<float>();
  parallel_for(y.numel() / width, fewest_rows(width), [=](std::int64_t first, std::int64_t last) {
    geglu_rows(vectors, last - first, width, from + first * 2 * width, to + first * width);
  });
  return y;
}

class Geglu : public torch::autograd::Function<Geglu> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return activate(x);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto x = ctx->get_saved_variables()[0];
    const auto dy = gradients[0].contiguous();
    const auto dx = torch::empty_like(x);
    const auto width = dy.size(-1);
    const auto vectors = widest_vectors();
    const auto *value = x.data_ptr<float>(), *slope = dy.data_ptr<float>();
    auto* to = dx.data_ptr<float>();
    parallel_for(dy.numel() / width, fewest_rows(width), [=](std::int64_t first, std::int64_t last) {
      geglu_rows_backward(vectors, last - first, width, value + first * 2 * width, slope + first * width,
                          to + first * 2 * width);
    });
    return {dx};
  }
};

}  // namespace

bool geglu_fits(const Tensor& x) {
  return x.is_cpu() && x.dim() > 0 && x.scalar_type() == torch::kFloat && x.numel() > 0 &&
         x.size(-1) % 2 == 0 && !is_cpu_autocast();
}

Tensor geglu(const Tensor& x) {
  const auto dense = x.contiguous();
  return c10::GradMode::is_enabled() && x.requires_grad() ? Tensor(Geglu::apply(dense)) : activate(dense);
}

}  // namespace forgedit
