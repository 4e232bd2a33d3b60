#include "forgedit/jobs/safety.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/io/weights/model_folder.h"

namespace forgedit {

using nlohmann::json;

void require_safety_checker(const std::filesystem::path& model) {
  const auto folder = safety_checker_folder(model);
  std::error_code missing;
  const bool is_there = std::filesystem::is_regular_file(folder / "config.json", missing) &&
                        !find_component_weights(folder, "model").empty();
  if (is_there) return;
  throw usage_error("safety", one_line(model.string()) +
                                  ": has no safety checker (expected safety_checker/ with config.json and "
                                  "weights in a diffusers folder): use off, or a model with one");
}

json safety_json(const SafetyVerdict& verdict) {
  return {{"flagged", verdict.flagged},
          {"score", verdict.score},
          {"concepts", verdict.concepts},
          {"special_care", verdict.special_care}};
}

json check_safety(SafetyJudge& judge, SafetyMode mode, const std::string& name, const Image& image,
                  JobContext& context) {
  const auto verdict = judge.judge(image);
  auto result = safety_json(verdict);
  if (!verdict.flagged) return result;
  context.warn(fmt::format("the safety checker flags {} (concept{} {}, score {:.3f}){}", name,
                           verdict.concepts.size() == 1 ? "" : "s", fmt::join(verdict.concepts, ", "),
                           verdict.score, is_withheld(mode, result) ? ": it is not written" : ""));
  return result;
}

bool is_withheld(SafetyMode mode, const json& verdict) {
  return mode == SafetyMode::withhold && verdict.is_object() && verdict.value("flagged", false);
}

}  // namespace forgedit
