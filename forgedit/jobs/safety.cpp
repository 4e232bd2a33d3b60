#include "forgedit/jobs/safety.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/metrics/safety_judge.h"

namespace forgedit {

void require_safety_checker(const std::filesystem::path& model) {
  const auto folder = safety_checker_folder(model);
  std::error_code missing;
  if (std::filesystem::is_regular_file(folder / "config.json", missing)) return;
  throw usage_error("safety",
                    one_line(model.string()) +
                        ": has no safety checker: expected safety_checker/config.json in a diffusers "
                        "folder; leave the option out, or name a model that has one");
}

nlohmann::json safety_json(const SafetyVerdict& verdict) {
  return {{"flagged", verdict.flagged},
          {"score", verdict.score},
          {"concepts", verdict.concepts},
          {"special_care", verdict.special_care}};
}

std::string safety_text(const SafetyVerdict& verdict) {
  return fmt::format("flagged by the safety checker (concept{} {}, score {:.3f})",
                     verdict.concepts.size() == 1 ? "" : "s", fmt::join(verdict.concepts, ", "),
                     verdict.score);
}

}  // namespace forgedit
