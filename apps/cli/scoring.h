#pragma once

#include <string>
#include <vector>

#include "apps/cli/console.h"
#include "forgedit/metrics/edit_scorer.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Which weights judge edits: shared by `score` and `bench`.
struct ScoreOptions {
  std::string clip;                ///< a CLIPModel folder; empty: clip/ beside the model's parts
  std::vector<std::string> lpips;  ///< safetensors files, or folders of them
};

void add_score_options(CLI::App& command, ScoreOptions& options);

/// Files for a scorer: what was asked for, and else what lies in `model_folder`.
ScorerFiles find_scorer_files(const ScoreOptions& options, const std::filesystem::path& model_folder);

/// Says which metrics are left out, and why.
void note_left_out(const EditScorer& scorer, Console& console);

}  // namespace forgedit::cli
