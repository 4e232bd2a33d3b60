#include "forgedit/jobs/scoring.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/io/weights/hub_cache.h"
#include "forgedit/jobs/model_choice.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPublishedClips[] = {"openai/clip-vit-base-patch32", "openai/clip-vit-large-patch14"};

/// In a model's folder, or beside a checkpoint of one file.
fs::path clip_beside(const fs::path& model) {
  return (fs::is_directory(model) ? model : model.parent_path()) / "clip";
}

}  // namespace

ScorerFiles find_scorer_files(const ScoreFiles& asked, const fs::path& model_folder, const Places& places) {
  ScorerFiles files{{}, {asked.lpips.begin(), asked.lpips.end()}};
  for (const auto& path : files.lpips) {
    std::error_code error;
    if (!fs::exists(path, error))
      throw failure("lpips", one_line(path.string()) + ": no such file or folder");
  }
  if (!asked.clip.empty()) {
    std::error_code error;
    const bool elsewhere = !fs::exists(asked.clip, error) && is_repository_name(asked.clip);
    files.clip = elsewhere ? with_field("clip", [&] { return find_model(asked.clip, places); }).path
                           : fs::path(asked.clip);
    if (!fs::is_directory(files.clip, error)) {
      throw failure("clip", one_line(asked.clip) +
                                ": no such CLIP folder; expected one as transformers saves it, or ORG/NAME "
                                "in the Hugging Face cache");
    }
    return files;
  }
  if (const auto beside = clip_beside(model_folder); fs::is_directory(beside)) {
    files.clip = beside;
    return files;
  }
  for (const char* name : kPublishedClips) {
    const auto found = find_in_hub_cache(places.hub_cache, name);
    if (!found || !found->unfinished.empty()) continue;
    files.clip = found->folder;
    break;
  }
  return files;
}

std::span<const char* const> published_clips() {
  return kPublishedClips;
}

void require_clip(const ScorerFiles& files, const fs::path& model_folder, const Places& places) {
  if (!files.clip.empty()) return;
  throw usage_error(
      "clip", fmt::format("give a CLIP model: there is none at {}, nor {} in {}; fetch one with: hf "
                          "download {}",
                          clip_beside(model_folder).string(), kPublishedClips[0], places.hub_cache.string(),
                          kPublishedClips[0]));
}

ScorerFiles find_judges(const AutoRequest& asked, LearnMethod method, const fs::path& model_folder,
                        const Places& places) {
  auto files = find_scorer_files(asked.judge, model_folder, places);
  if (method == LearnMethod::imagic) require_clip(files, model_folder, places);
  return files;
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

void note_skipped(const std::map<std::string, std::string>& skipped, JobContext& job) {
  for (const auto& metric : edit_metrics()) {
    const auto reason = skipped.find(metric.key);
    if (reason == skipped.end()) continue;
    job.note(std::string("skipped: ") + metric.label + " (" + reason->second + ")");
  }
}

}  // namespace forgedit
