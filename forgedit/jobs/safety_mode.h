#pragma once

#include <string>

namespace forgedit {

/// What an edit job does with the model's safety checker.
enum class SafetyMode {
  off,      ///< does not use it
  report,   ///< records its verdict on each image
  withhold  ///< also writes no image that it flags
};

/// Parses "off", "report" or "withhold". Throws a usage Error for other names.
SafetyMode parse_safety_mode(const std::string& name);
const char* safety_mode_name(SafetyMode mode);

}  // namespace forgedit
