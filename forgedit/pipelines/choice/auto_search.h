#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "forgedit/pipelines/choice/auto_choice.h"
#include "forgedit/pipelines/choice/auto_defaults.h"

namespace forgedit {

/// Searches for the best edit within a sweep without generating all of it: a coarse grid first (about half of
/// the budget), then three rounds around the best so far, with strengths in between and other seeds. If
/// candidates have fewer steps than the request, the best three are generated again with all steps at the
/// end. The class only decides what to generate, a whole round at once, so that images can share batches:
///
///   AutoSearch search(request, 40, 20);
///   for (auto round = search.next_round(); !round.empty(); round = search.next_round()) {
///     session.generate(round, drawing, {[&](const auto& candidate, const auto& grid) {
///       search.add(candidate, scorer.score(reference, from_grid(grid, frame)));
///     }});
///   }
///   const auto choice = search.choose();
///   const auto last = search.final_round();  // likewise
///
/// The same scores give the same rounds, whatever the order in which they are added.
class AutoSearch {
 public:
  /// `request` has one target; its strategies, seeds and α are the allowed ones, its strengths span the
  /// range. `steps`: sampling steps of a candidate, if the request has more. Throws a usage Error as
  /// plan_edit does.
  AutoSearch(EditRequest request, std::size_t pictures, std::int64_t steps);

  /// Returns the images to generate next, each with its own `stem` (without a number). Empty if the budget is
  /// spent or nothing is left to try. Candidates that are never added count towards the budget.
  std::vector<Candidate> next_round();

  /// Adds the scores of an image of a round.
  void add(const Candidate& candidate, EditScores scores);

  /// Changes the budget, which includes all candidates so far.
  void set_pictures(std::size_t pictures) { pictures_ = pictures; }
  /// Returns the best three of all candidates so far, with all steps; empty if candidates have all steps.
  std::vector<Candidate> final_round();
  /// Sampling steps of a candidate.
  std::int64_t steps() const { return request_.sample.steps; }
  std::size_t asked() const { return asked_.size(); }

  /// Returns all candidates that were added, in the order of the rounds ...
  std::vector<ScoredEdit> scored() const;
  /// ... and the choice among them.
  AutoChoice choose() const { return choose_edits(scored()); }
  /// Returns the image of a candidate with all steps if it was added, else null.
  const ScoredEdit* with_all_steps(const Candidate& candidate) const;
  /// Returns the image to show for a candidate: the one with all steps if it was added, else its own.
  const Candidate& shown_for(const Candidate& candidate) const;

 private:
  struct Asked {
    Candidate candidate;
    std::optional<EditScores> scores;
  };
  std::vector<Candidate> coarse_round() const;
  void add_default_settings(std::vector<Candidate>& round) const;
  std::vector<Candidate> fine_round(std::size_t count) const;
  std::vector<Candidate> around(const Candidate& centre) const;
  std::optional<double> between(double low, double high) const;

  EditRequest request_;
  std::size_t pictures_;
  std::int64_t all_steps_;  // those of the request; request_ has those of a candidate
  std::vector<const ForgettingStrategy*> strategies_;
  std::vector<double> alphas_, strengths_;  // ascending
  std::vector<std::uint64_t> seeds_;
  std::vector<Asked> asked_;
  std::vector<Candidate> last_;             // the final round ...
  std::vector<ScoredEdit> with_all_steps_;  // ... and its images that were added
  std::size_t rounds_ = 0;
};

}  // namespace forgedit
