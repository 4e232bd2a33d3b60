#pragma once

#include <string>

namespace forgedit {

/// The precision in which networks compute.
enum class Precision { fp32, bf16 };

/// Reads "fp32" or "bf16". Throws a usage Error for other texts.
Precision parse_precision(const std::string& text);
/// "fp32" or "bf16".
const char* precision_name(Precision precision);

}  // namespace forgedit
