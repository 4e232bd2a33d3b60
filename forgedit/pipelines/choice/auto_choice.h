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

/// What says how far an edit went: CLIP's direction; CLIP's cosine of image and prompt, if caption and prompt
/// are the same text; without a CLIP model PromptFit::direction.
enum class EditMeasure { clip_direction, clip_cosine, diffusion };
const char* edit_measure_name(EditMeasure measure);
EditMeasure edit_measure(const std::vector<ScoredEdit>& edits);

// Keys of PromptFit's values in EditScores.
inline constexpr const char* kDiffusionDirection = "diffusion_direction";
inline constexpr const char* kBeyondOriginal = "diffusion_beyond_original";

/// How far an edit went, and how much of the picture it kept: higher is better for both.
struct Tradeoff {
  double edit = 0;  ///< see EditMeasure
  double kept = 0;  ///< see kept_measure
};

/// Nothing if one of the two scores is missing or not finite. An image without a direction has not changed.
std::optional<Tradeoff> tradeoff_of(const EditScores& scores, EditMeasure measure);

/// What `kept` is, by the weights there are: "1 − LPIPS alex", "1 − LPIPS vgg", else "SSIM"; empty where not
/// even that was measured.
std::string kept_measure(const EditScores& scores);

struct JudgedEdit {
  std::optional<Tradeoff> tradeoff;
  bool eligible = false;  ///< it changed from the caption towards the prompt
  bool front = false;     ///< on the Pareto front of the eligible ones
  double edit_share = 0;  ///< `edit` normalised: 0 is the weakest eligible one, 1 the strongest
  double kept_share = 0;  ///< `kept` normalised: 1 is the most faithful one
  double score = 0;       ///< the harmonic mean of the two
};

/// Whether these are the settings of an edit for which none were chosen: nothing forgotten, γ 1.0 or β 1.2.
bool has_default_settings(const Candidate& candidate);

/// Eligible ones come first, then the higher score.
bool is_better_edit(const JudgedEdit& left, const JudgedEdit& right);

struct AutoChoice {
  EditMeasure measure = EditMeasure::clip_cosine;
  std::vector<JudgedEdit> judged;  ///< one for each of the edits given, in their order
  std::vector<std::size_t> front;  ///< places in `judged`, the strongest edit first
  struct Pick {
    std::size_t place;   ///< in `judged`
    std::string reason;  ///< one sentence: "edit 0.271, kept 0.912: the best score; …"
  };
  std::vector<Pick> best;  ///< at most three, the best first: balanced, then more faithful, then stronger
};

/// Compares edits of one picture for one target. Equal scores are ordered as in `edits`, so the same edits
/// give the same choice.
AutoChoice choose_edits(const std::vector<ScoredEdit>& edits);

}  // namespace forgedit
