#include "forgedit/pipelines/sampling/preview.h"

#include "forgedit/core/error.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

/// Converts (1, channels, h, w) to (h·w, channels + 1): a row per pixel, with a one for the bias.
torch::Tensor rows_of(const torch::Tensor& latents) {
  const auto rows = latents[0].flatten(1).t().to(torch::kDouble);
  return torch::cat({rows, torch::ones({rows.size(0), 1}, rows.options())}, 1);
}

}  // namespace

void PreviewMap::add(const torch::Tensor& latents, const torch::Tensor& image) {
  torch::NoGradGuard no_grad;
  const auto small = torch::adaptive_avg_pool2d(image, {latents.size(2), latents.size(3)});
  const auto rows = rows_of(latents), colours = small[0].flatten(1).t().to(torch::kDouble);
  const auto gram = rows.t().matmul(rows), products = rows.t().matmul(colours);
  gram_ = is_fitted() ? gram_ + gram : gram;
  products_ = products_.defined() ? products_ + products : products;
}

Image PreviewMap::render(const torch::Tensor& latents) const {
  if (!is_fitted()) throw failure("previews: there is no image to fit their colours to");
  torch::NoGradGuard no_grad;
  // For a picture of one colour the solution is not unique; the pseudo-inverse gives the smallest one.
  const auto map = torch::linalg_pinv(gram_, /*rcond=*/1e-10, /*hermitian=*/true).matmul(products_);
  const auto colours = rows_of(latents).matmul(map).t().reshape({3, latents.size(2), latents.size(3)});
  return tensor_to_image(torch::nan_to_num(colours).clamp(0.0, 1.0).to(torch::kFloat));
}

}  // namespace forgedit
