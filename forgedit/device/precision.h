#pragma once

#include <optional>

#include "forgedit/device/device.h"

namespace forgedit {

/// Whether a device computes in bfloat16: CPUs do, slowly; of GPUs those of compute capability 8.0 and newer.
bool has_bf16(const c10::Device& device);

/// What to compute in: what was asked for, else bf16 on a GPU that has it and fp32 elsewhere. Throws a usage
/// Error where bf16 was asked for and `bf16` (has_bf16) is false.
Precision choose_precision(const c10::Device& device, std::optional<Precision> asked, bool bf16);

}  // namespace forgedit
