#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apps/cli/console.h"
#include "forgedit/metrics/edit_scorer.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Which weights judge edits: shared by `score`, `bench` and `edit --auto`.
struct ScoreOptions {
  std::string clip;                ///< a CLIPModel folder or ORG/NAME; empty: where find_scorer_files looks
  std::vector<std::string> lpips;  ///< safetensors files, or folders of them
};

void add_score_options(CLI::App& command, ScoreOptions& options);

/// Where the CLIP model of what `--model` names may lie: the miniature's folder where nothing was named.
/// Throws Error when there is no such model.
std::filesystem::path scorer_model_folder(const std::string& model);

/// Files for a scorer: what was asked for; else for CLIP what lies in `model_folder`, or one of OpenAI's in
/// the hub's cache.
ScorerFiles find_scorer_files(const ScoreOptions& options, const std::filesystem::path& model_folder);

/// Throws a usage Error where `files` have no CLIP model; `need` begins it.
void require_clip(const ScorerFiles& files, const std::filesystem::path& model_folder,
                  const std::string& need);

/// A CLIP folder's name for records: its last part, or ORG/NAME in the hub's cache.
std::string clip_name(const std::filesystem::path& folder);

/// Scores by key; the PSNR of equal pictures is "inf", for which JSON has no number.
nlohmann::json scores_json(const EditScores& scores);

/// Says which metrics are left out, and why.
void note_left_out(const EditScorer& scorer, Console& console);

}  // namespace forgedit::cli
