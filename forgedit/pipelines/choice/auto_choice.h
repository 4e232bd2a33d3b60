#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

// Chooses the best of many generated edits. docs/auto.md explains the rules.

/// A generated image and its scores.
struct ScoredEdit {
  Candidate candidate;
  EditScores scores;
};

/// The measure of how far an edit went: CLIP's direction; CLIP's cosine of image and prompt, if caption and
/// prompt are the same text; without a CLIP model PromptFit::direction.
enum class EditMeasure { clip_direction, clip_cosine, diffusion };
const char* edit_measure_name(EditMeasure measure);
EditMeasure edit_measure(const std::vector<ScoredEdit>& edits);

// Keys of the values of PromptFit in EditScores.
inline constexpr const char* kDiffusionDirection = "diffusion_direction";
inline constexpr const char* kBeyondOriginal = "diffusion_beyond_original";

/// How far an edit went, and how much of the picture it kept: higher is better for both.
struct Tradeoff {
  double edit = 0;  ///< see EditMeasure
  double kept = 0;  ///< see kept_measure
};

/// Returns nothing if one of the two scores is missing or not finite. An image without a direction counts as
/// unchanged.
std::optional<Tradeoff> tradeoff_of(const EditScores& scores, EditMeasure measure);

/// Returns the measure of `kept`, which depends on the scores: "1 − LPIPS alex", "1 − LPIPS vgg", else
/// "SSIM"; empty if none was measured.
std::string kept_measure(const EditScores& scores);

struct JudgedEdit {
  std::optional<Tradeoff> tradeoff;
  bool eligible = false;  ///< it changed from the caption towards the prompt
  bool front = false;     ///< on the Pareto front of the eligible ones
  double edit_share = 0;  ///< `edit` normalised: 0 is the weakest eligible one, 1 the strongest
  double kept_share = 0;  ///< `kept` normalised: 1 is the most faithful one
  double score = 0;       ///< the harmonic mean of the two
};

/// Whether the candidate has the default settings of an edit: nothing forgotten, γ 1.0 or β 1.2.
bool has_default_settings(const Candidate& candidate);

/// Whether `left` is better: eligible edits come first, then higher scores.
bool is_better_edit(const JudgedEdit& left, const JudgedEdit& right);

struct AutoChoice {
  EditMeasure measure = EditMeasure::clip_cosine;
  std::vector<JudgedEdit> judged;  ///< one for each edit, in order
  std::vector<std::size_t> front;  ///< indices in `judged`, the strongest edit first
  struct Pick {
    std::size_t place;   ///< index in `judged`
    std::string reason;  ///< one sentence: "edit 0.271, kept 0.912: the best score; …"
  };
  std::vector<Pick> best;  ///< at most three, the best first: balanced, then more faithful, then stronger
};

/// Compares edits of one picture for one target. Equal scores are ordered as in `edits`, so the same edits
/// give the same choice.
AutoChoice choose_edits(const std::vector<ScoredEdit>& edits);

}  // namespace forgedit
