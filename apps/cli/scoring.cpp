#include "apps/cli/scoring.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/cli/model_choice.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/io/weights/hub_cache.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPublishedClips[] = {"openai/clip-vit-base-patch32", "openai/clip-vit-large-patch14"};

}  // namespace

void add_score_options(CLI::App& command, ScoreOptions& options) {
  command
      .add_option("--clip", options.clip,
                  "CLIP model folder as transformers saves it, or ORG/NAME in the hub's cache [clip/ in the "
                  "model's folder, or OpenAI's in the hub's cache]")
      ->type_name("DIR")
      ->group("Scores");
  command
      .add_option("--lpips", options.lpips,
                  "LPIPS trunk (torchvision) and heads (lpips package): files, or a folder of safetensors")
      ->type_name("PATH...")
      ->group("Scores");
}

namespace {

/// In a model's folder, or beside a checkpoint of one file.
fs::path clip_beside(const fs::path& model) {
  return (fs::is_directory(model) ? model : model.parent_path()) / "clip";
}

}  // namespace

fs::path scorer_model_folder(const std::string& model) {
  return model.empty() ? find_assets() / "miniature" / "model" : find_model(model).path;
}

ScorerFiles find_scorer_files(const ScoreOptions& options, const fs::path& model_folder) {
  ScorerFiles files{{}, {options.lpips.begin(), options.lpips.end()}};
  for (const auto& path : files.lpips) {
    std::error_code error;
    if (!fs::exists(path, error))
      throw failure("--lpips " + one_line(path.string()) + ": no such file or folder");
  }
  if (!options.clip.empty()) {
    std::error_code error;
    const bool elsewhere = !fs::exists(options.clip, error) && is_repository_name(options.clip);
    files.clip = elsewhere ? find_model(options.clip).path : fs::path(options.clip);
    if (!fs::is_directory(files.clip, error)) {
      throw failure("--clip " + one_line(options.clip) + ": no such CLIP folder");
    }
    return files;
  }
  if (const auto beside = clip_beside(model_folder); fs::is_directory(beside)) {
    files.clip = beside;
    return files;
  }
  for (const char* name : kPublishedClips) {
    const auto found = find_in_hub_cache(find_hub_cache(), name);
    if (!found || !found->unfinished.empty()) continue;
    files.clip = found->folder;
    break;
  }
  return files;
}

void require_clip(const ScorerFiles& files, const fs::path& model_folder, const std::string& need) {
  if (!files.clip.empty()) return;
  throw usage_error(
      fmt::format("{} needs a CLIP model, and there is none at {}, nor {} in {}: give --clip DIR, a folder "
                  "as transformers "
                  "saves it",
                  need, clip_beside(model_folder).string(), kPublishedClips[0], find_hub_cache().string()));
}

std::string clip_name(const fs::path& folder) {
  const auto path = fs::absolute(folder).lexically_normal();
  const auto last = path.has_filename() ? path : path.parent_path();
  const auto snapshots = last.parent_path();
  if (snapshots.filename() != "snapshots") return last.filename().string();
  const auto name = snapshots.parent_path().filename().string();  // models--ORG--NAME; NAME may have "--" too
  const auto org = name.find("--"), rest = org == std::string::npos ? org : name.find("--", org + 2);
  if (rest == std::string::npos) return name;
  return name.substr(org + 2, rest - org - 2) + "/" + name.substr(rest + 2);
}

nlohmann::json scores_json(const EditScores& scores) {
  auto result = nlohmann::json::object();
  for (const auto& [key, value] : scores) {
    result[key] = std::isfinite(value) ? nlohmann::json(value) : nlohmann::json("inf");
  }
  return result;
}

void note_left_out(const EditScorer& scorer, Console& console) {
  for (const auto& metric : edit_metrics()) {
    const auto reason = scorer.left_out().find(metric.key);
    if (reason == scorer.left_out().end()) continue;
    console.note(std::string("left out: ") + metric.label + " (" + reason->second + ")");
  }
}

}  // namespace forgedit::cli
