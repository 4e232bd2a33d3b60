#pragma once

#include <string>

namespace forgedit {

/// What networks compute in.
enum class Precision { fp32, bf16 };

/// "fp32" or "bf16". Throws a usage Error otherwise.
Precision parse_precision(const std::string& text);
/// "fp32" or "bf16".
const char* precision_name(Precision precision);

}  // namespace forgedit
