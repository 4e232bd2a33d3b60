#pragma once

#include <optional>

#include "forgedit/device/device.h"

namespace forgedit {

/// Whether a device supports bfloat16: every CPU does, slowly; GPUs do from compute capability 8.0 on.
bool has_bf16(const c10::Device& device);

/// Returns the precision to compute in: `asked` if given, else bf16 on a GPU that supports it, and fp32
/// otherwise. Throws a usage Error if `asked` is bf16 and `bf16` (the result of has_bf16) is false.
Precision choose_precision(const c10::Device& device, std::optional<Precision> asked, bool bf16);

}  // namespace forgedit
