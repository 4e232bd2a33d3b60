#include "forgedit/jobs/safety_mode.h"

#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/suggest.h"

namespace forgedit {

SafetyMode parse_safety_mode(const std::string& name) {
  for (const auto mode : {SafetyMode::off, SafetyMode::report, SafetyMode::withhold}) {
    if (name == safety_mode_name(mode)) return mode;
  }
  throw usage_error("expected off, report or withhold, got '" + one_line(name) + "'" +
                    did_you_mean(name, {"off", "report", "withhold"}));
}

const char* safety_mode_name(SafetyMode mode) {
  switch (mode) {
    case SafetyMode::report:
      return "report";
    case SafetyMode::withhold:
      return "withhold";
    case SafetyMode::off:
      break;
  }
  return "off";
}

}  // namespace forgedit
