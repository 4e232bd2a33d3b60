#include "apps/cli/scoring.h"

#include <CLI/CLI.hpp>

namespace forgedit::cli {

void add_score_options(CLI::App& command, ScoreOptions& options) {
  command
      .add_option("--clip", options.clip,
                  "CLIP model folder as transformers saves it [clip/ in the model's folder]")
      ->type_name("DIR")
      ->group("Scores");
  command
      .add_option("--lpips", options.lpips,
                  "LPIPS trunk (torchvision) and heads (lpips package): files, or a folder of safetensors")
      ->type_name("PATH...")
      ->group("Scores");
}

ScorerFiles find_scorer_files(const ScoreOptions& options, const std::filesystem::path& model_folder) {
  ScorerFiles files{options.clip, {options.lpips.begin(), options.lpips.end()}};
  const auto beside = model_folder / "clip";
  if (files.clip.empty() && std::filesystem::is_directory(beside)) files.clip = beside;
  return files;
}

void note_left_out(const EditScorer& scorer, Console& console) {
  for (const auto& metric : edit_metrics()) {
    const auto reason = scorer.left_out().find(metric.key);
    if (reason == scorer.left_out().end()) continue;
    console.note(std::string("left out: ") + metric.label + " (" + reason->second + ")");
  }
}

}  // namespace forgedit::cli
