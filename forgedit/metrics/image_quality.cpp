#include "forgedit/metrics/image_quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/parallel.h"

namespace forgedit {
namespace {

constexpr int kWindow = 11;
constexpr double kSigma = 1.5;
constexpr std::int64_t kRowsAThread = 32;

std::string size_text(const Image& image) {
  return std::to_string(image.width) + "x" + std::to_string(image.height);
}

void check_sizes(const char* metric, const Image& left, const Image& right) {
  if (left.width == right.width && left.height == right.height && !left.pixels.empty()) return;
  throw usage_error(std::string(metric) + ": expected two pictures of one size, got " + size_text(left) +
                    " and " + size_text(right));
}

std::array<double, kWindow> make_window() {
  std::array<double, kWindow> window{};
  double sum = 0;
  for (int i = 0; i < kWindow; ++i) {
    const double distance = (i - (kWindow - 1) / 2) / kSigma;
    sum += window[static_cast<std::size_t>(i)] = std::exp(-0.5 * distance * distance);
  }
  for (auto& weight : window) weight /= sum;
  return window;
}

/// The number of values of a row per loop, which the compiler turns into vector instructions.
constexpr std::int64_t kBlock = 8;
/// The moments: two pictures, their squares and their product.
constexpr std::size_t kMoments = 5;
using Rows = std::array<std::vector<double>, kMoments>;

/// Computes the moments of a row of both pictures, with interleaved channels, and zeros behind the row.
void fill_moments(const std::uint8_t* x, const std::uint8_t* y, std::int64_t count, Rows& rows) {
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = x[i], b = y[i];
    const auto at = static_cast<std::size_t>(i);
    rows[0][at] = a, rows[1][at] = b, rows[2][at] = a * a, rows[3][at] = b * b, rows[4][at] = a * b;
  }
}

/// Computes to[i] = Σ weights[k] · from[k][i] for `count` values, a multiple of kBlock.
void weigh(const std::array<double, kWindow>& weights, const std::array<const double*, kWindow>& from,
           std::int64_t count, double* to) {
  for (std::int64_t first = 0; first < count; first += kBlock) {
    double sums[kBlock] = {};
    for (std::size_t k = 0; k < kWindow; ++k) {
      const double* values = from[k] + first;
      for (std::int64_t i = 0; i < kBlock; ++i) sums[i] += weights[k] * values[i];
    }
    std::copy(sums, sums + kBlock, to + first);
  }
}

/// Computes Gaussian means of both pictures' moments around each pixel whose window lies inside, row by row.
class WindowedRows {
 public:
  WindowedRows(const Image& left, const Image& right)
      : left_(left),
        right_(right),
        values_(std::int64_t{3} * (left.width - kWindow + 1)),
        padded_((values_ + kBlock - 1) / kBlock * kBlock) {
    const auto size = static_cast<std::size_t>(padded_ + 3 * kWindow);
    for (auto& row : input_) row.resize(size);
    for (auto& row : means_) row.resize(size);
    for (auto& rows : across_) {
      for (auto& row : rows) row.resize(size);
    }
  }
  /// The number of values in a row: three channels of each pixel.
  std::int64_t values() const { return values_; }
  /// Returns the means over the rows of the window from `y` on. Call it for consecutive rows.
  const Rows& means(std::int64_t y) {
    for (next_ = std::max(next_, y); next_ < y + kWindow; ++next_) read(next_);
    for (std::size_t m = 0; m < kMoments; ++m) {
      std::array<const double*, kWindow> from{};
      for (std::int64_t k = 0; k < kWindow; ++k) {
        from[static_cast<std::size_t>(k)] = across_[static_cast<std::size_t>((y + k) % kWindow)][m].data();
      }
      weigh(window_, from, padded_, means_[m].data());
    }
    return means_;
  }

 private:
  void read(std::int64_t y) {
    const auto offset = static_cast<std::size_t>(3 * y * left_.width);
    fill_moments(left_.pixels.data() + offset, right_.pixels.data() + offset, std::int64_t{3} * left_.width,
                 input_);
    auto& rows = across_[static_cast<std::size_t>(y % kWindow)];
    for (std::size_t m = 0; m < kMoments; ++m) {
      std::array<const double*, kWindow> from{};
      for (std::size_t k = 0; k < kWindow; ++k) from[k] = input_[m].data() + 3 * k;
      weigh(window_, from, padded_, rows[m].data());
    }
  }

  const Image &left_, &right_;
  std::int64_t values_, padded_, next_ = 0;
  const std::array<double, kWindow> window_ = make_window();
  Rows input_, means_;
  std::array<Rows, kWindow> across_;  // rows of the window, by row number modulo its height
};

/// Returns the sum of the similarity over a row.
double similarity_of(const Rows& means, std::int64_t count) {
  constexpr double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
  double sum = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const double x = means[0][i], y = means[1][i];
    const double variance_x = means[2][i] - x * x, variance_y = means[3][i] - y * y;
    const double covariance = means[4][i] - x * y;
    sum += (2 * x * y + c1) * (2 * covariance + c2) / ((x * x + y * y + c1) * (variance_x + variance_y + c2));
  }
  return sum;
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
  const std::int64_t rows = left.height - kWindow + 1;
  std::vector<double> sums(static_cast<std::size_t>(rows));
  parallel_for(rows, kRowsAThread, [&](std::int64_t first, std::int64_t last) {
    WindowedRows windowed(left, right);
    for (auto y = first; y < last; ++y) {
      sums[static_cast<std::size_t>(y)] = similarity_of(windowed.means(y), windowed.values());
    }
  });
  // Sums row by row, so that the number of threads does not change the result.
  const double count = static_cast<double>(rows) * 3 * (left.width - kWindow + 1);
  return std::accumulate(sums.begin(), sums.end(), 0.0) / count;
}

}  // namespace forgedit
