#include "forgedit/eval/published.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPublishedBytes = 16U << 20;
constexpr double kUncertain = 0.7;

}  // namespace

PublishedReading parse_published_reading(const std::string& text) {
  if (text == "vp") return PublishedReading::projection;
  if (text == "vs") return PublishedReading::subtraction;
  throw usage_error("published", "expected vp or vs, got '" + text + "'");
}

std::map<std::pair<std::string, std::string>, PublishedEdit> read_published(
    const std::filesystem::path& path) {
  const auto list = json::parse(read_file(path, kMostPublishedBytes), nullptr, false);
  if (!list.is_array()) throw failure(path.string() + ": expected a list of edits");
  std::map<std::pair<std::string, std::string>, PublishedEdit> edits;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto where = path.string() + ": entry " + std::to_string(i + 1);
    if (!list[i].is_object()) throw failure(where + ": expected an object");
    const ConfigReader reader(where, list[i]);
    edits[{reader.text("image", {}), reader.text("target_text", {})}] = {
        reader.text("strategy", {}), reader.number("textalpha", {}), reader.number("alpha", {})};
  }
  return edits;
}

bool has_released_strategy(const PublishedEdit& edit) {
  for (const auto& strategy : forgetting_strategies(LearnMethod::vanilla)) {
    if (edit.strategy == strategy.name || (strategy.alias && edit.strategy == strategy.alias)) return true;
  }
  return false;
}

void apply_published(const PublishedEdit& edit, PublishedReading reading, EditRequest& request) {
  const bool uncertain = std::abs(edit.textalpha - kUncertain) < 1e-6;
  const bool vs = edit.textalpha == 0 || (uncertain && reading == PublishedReading::subtraction);
  request.strategies = {edit.strategy};
  request.interpolation = vs ? Interpolation::vector_subtraction : Interpolation::vector_projection;
  request.gammas = request.betas = {edit.alpha};
  request.alphas = {edit.textalpha};
}

}  // namespace forgedit
