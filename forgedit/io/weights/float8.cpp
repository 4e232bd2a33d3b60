#include "forgedit/io/weights/float8.h"

#include <array>
#include <cmath>
#include <limits>

#include "forgedit/core/parallel.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

constexpr std::int64_t kGrain = std::int64_t{1} << 16;
using Table = std::array<c10::Half, 256>;

Table e4m3_table() {
  constexpr int kBias = 7, kMantissaBits = 3;
  Table table{};
  for (int byte = 0; byte < 256; ++byte) {
    const int exponent = (byte >> kMantissaBits) & 15, mantissa = byte & 7;
    // Exponent 0 holds the subnormal numbers.
    float value = exponent == 0
                      ? std::ldexp(static_cast<float>(mantissa), 1 - kBias - kMantissaBits)
                      : std::ldexp(static_cast<float>(8 + mantissa), exponent - kBias - kMantissaBits);
    if (exponent == 15 && mantissa == 7) value = std::numeric_limits<float>::quiet_NaN();
    table[static_cast<std::size_t>(byte)] = byte & 0x80 ? -value : value;
  }
  return table;
}

Table e5m2_table() {
  Table table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    table[byte] = c10::Half(static_cast<std::uint16_t>(byte << 8), c10::Half::from_bits());
  }
  return table;
}

}  // namespace

at::Tensor widen_float8(const at::Tensor& bytes, Float8 format) {
  const auto table = format == Float8::e4m3 ? e4m3_table() : e5m2_table();
  auto wide = torch::empty(bytes.sizes(), torch::kHalf);
  const auto* source = bytes.data_ptr<std::uint8_t>();
  auto* target = wide.data_ptr<at::Half>();
  parallel_for(wide.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
    for (auto i = first; i < last; ++i) target[i] = table[source[i]];
  });
  return wide;
}

}  // namespace forgedit
