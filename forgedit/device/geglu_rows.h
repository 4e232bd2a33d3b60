#pragma once

#include <cstdint>

namespace forgedit {

/// GEGLU (arXiv 2002.05202) of float32 rows on a CPU, with vector instructions that the processor has.
/// x (rows, 2·width): values, then gates -> y (rows, width): value · gate · Φ(gate), where Φ is the normal
/// distribution function, to 1.5e-7.
void geglu_rows(std::int64_t rows, std::int64_t width, const float* x, float* y);
/// dx (rows, 2·width), the gradient of x, from the gradient dy (rows, width) of y.
void geglu_rows_backward(std::int64_t rows, std::int64_t width, const float* x, const float* dy, float* dx);

}  // namespace forgedit
