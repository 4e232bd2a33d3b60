#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

struct SafetyVerdict;

/// What becomes of the verdict of a model's safety checker on each generated picture.
enum class SafetyMode {
  off,      ///< it is not asked
  report,   ///< records have it
  withhold  ///< and what it flags is not written
};

/// "off", "report" or "withhold". Throws a usage Error.
SafetyMode parse_safety_mode(const std::string& name);
const char* safety_mode_name(SafetyMode mode);

/// Throws a usage Error of the field "safety" where the model (a folder or a file) has no safety checker.
void require_safety_checker(const std::filesystem::path& model);

/// A verdict for records.
nlohmann::json safety_json(const SafetyVerdict& verdict);
/// The same for people, of a flagged picture: "flagged by the safety checker (concept 4, score 0.021)".
std::string safety_text(const SafetyVerdict& verdict);

}  // namespace forgedit
