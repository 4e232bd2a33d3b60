#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

// Which of many drawn edits to hand back. docs/auto.md says why it is done so.

/// A picture that was drawn, and what it scored.
struct ScoredEdit {
  Candidate candidate;
  EditScores scores;
};

/// How far an edit went, and how much of the picture it kept: higher is better for both.
struct Tradeoff {
  double edit = 0;  ///< CLIP direction; the CLIP cosine of picture and target text where the texts are one
  double kept = 0;  ///< see kept_measure
};

/// Nothing where the scores lack one of the two or are not finite. `directed`: source and target text differ;
/// a picture without a direction has not changed then.
std::optional<Tradeoff> tradeoff_of(const EditScores& scores, bool directed);

/// What `kept` is, by the weights there are: "1 − LPIPS alex", "1 − LPIPS vgg", else "SSIM"; empty where not
/// even that was measured.
std::string kept_measure(const EditScores& scores);

struct JudgedEdit {
  std::optional<Tradeoff> tradeoff;
  bool counts = false;    ///< it went from the source text towards the target text, not elsewhere
  bool front = false;     ///< no other that counts is better in one and as good in the other
  double edit_share = 0;  ///< where `edit` lies between the least and the strongest that count, from 0
  double kept_share = 0;  ///< where `kept` lies between the least and the most, from 0
  double balance = 0;     ///< harmonic mean of the shares: the best has the highest
};

/// What counts comes first, then the higher balance.
bool is_better_edit(const JudgedEdit& left, const JudgedEdit& right);

struct AutoChoice {
  bool directed = false;           ///< `edit` is the CLIP direction
  std::vector<JudgedEdit> judged;  ///< one for each of the edits given, in their order
  std::vector<std::size_t> front;  ///< places in `judged`, the strongest edit first
  struct Pick {
    std::size_t place;   ///< in `judged`
    std::string reason;  ///< one sentence: "edit 0.271, kept 0.912: the best balance, …"
  };
  std::vector<Pick> best;  ///< at most three, the best first: balanced, then more faithful, then stronger
};

/// Judges edits of one picture towards one target. Equal scores are told apart by the order of `edits`, so
/// the same edits give the same choice.
AutoChoice choose_edits(const std::vector<ScoredEdit>& edits);

}  // namespace forgedit
