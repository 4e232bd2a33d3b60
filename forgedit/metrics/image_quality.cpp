#include "forgedit/metrics/image_quality.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::int64_t kWindow = 11;
constexpr double kSigma = 1.5;

std::string size_text(const Image& image) {
  return std::to_string(image.width) + "x" + std::to_string(image.height);
}

void check_sizes(const char* metric, const Image& left, const Image& right) {
  if (left.width == right.width && left.height == right.height && !left.pixels.empty()) return;
  throw usage_error(std::string(metric) + ": expected two pictures of one size, got " + size_text(left) +
                    " and " + size_text(right));
}

/// (3, 1, height, width) in 0..255: channels as a batch.
torch::Tensor channels(const Image& image) {
  auto* data = const_cast<std::uint8_t*>(image.pixels.data());  // only read from
  const auto bytes = torch::from_blob(data, {image.height, image.width, 3}, torch::kByte);
  return bytes.permute({2, 0, 1}).unsqueeze(1).to(torch::kDouble);
}

/// Gaussian mean around each pixel whose window lies inside.
torch::Tensor windowed(const torch::Tensor& x) {
  const auto distance = torch::arange(kWindow, torch::kDouble) - (kWindow - 1) / 2.0;
  const auto gauss = (-0.5 * (distance / kSigma).square()).exp();
  const auto weights = gauss / gauss.sum();
  return torch::conv2d(torch::conv2d(x, weights.view({1, 1, 1, kWindow})), weights.view({1, 1, kWindow, 1}));
}

}  // namespace

double psnr(const Image& left, const Image& right) {
  check_sizes("PSNR", left, right);
  double sum = 0;
  for (std::size_t i = 0; i < left.pixels.size(); ++i) {
    const double difference = static_cast<double>(left.pixels[i]) - right.pixels[i];
    sum += difference * difference;
  }
  if (sum == 0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(255.0 * 255.0 * static_cast<double>(left.pixels.size()) / sum);
}

double ssim(const Image& left, const Image& right) {
  check_sizes("SSIM", left, right);
  if (std::min(left.width, left.height) < kWindow) {
    throw usage_error("SSIM: expected sides of at least 11 pixels, got " + size_text(left));
  }
  torch::NoGradGuard no_grad;
  constexpr double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
  const auto x = channels(left), y = channels(right);
  const auto mean_x = windowed(x), mean_y = windowed(y);
  const auto variance_x = windowed(x.square()) - mean_x.square();
  const auto variance_y = windowed(y.square()) - mean_y.square();
  const auto covariance = windowed(x * y) - mean_x * mean_y;
  const auto similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
                          ((mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2));
  return similarity.mean().item<double>();
}

}  // namespace forgedit
