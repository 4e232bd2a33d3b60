#pragma once

#include <cstdint>

namespace forgedit {

/// Sets of instructions for vectors of float32. `plain` contains those that every processor of the platform
/// has.
enum class Vectors { plain, avx2, avx512 };

/// Returns the widest set that this processor supports.
Vectors widest_vectors();

/// GEGLU (arXiv 2002.05202) of float32 rows on a CPU. x (rows, 2·width): values, then gates -> y (rows,
/// width): value · gate · Φ(gate), where Φ is the normal distribution function, computed to 2e-7.
void geglu_rows(Vectors vectors, std::int64_t rows, std::int64_t width, const float* x, float* y);
/// Writes dx (rows, 2·width), the gradient of x, from dy (rows, width), the gradient of y.
void geglu_rows_backward(Vectors vectors, std::int64_t rows, std::int64_t width, const float* x,
                         const float* dy, float* dx);

}  // namespace forgedit
