#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "forgedit/pipelines/choice/auto_choice.h"
#include "forgedit/pipelines/choice/auto_defaults.h"

namespace forgedit {

/// Searches for the best edit within a sweep without generating all of it: a coarse grid first (about half of
/// the budget), then three rounds around the best so far, with strengths in between and other seeds. If
/// candidates take fewer steps than the request, the last round is the best three with all steps. It only
/// decides what to generate, a whole round at once, so that images can share batches:
///
///   AutoSearch search(request, 40, 20);
///   for (auto round = search.next_round(); !round.empty(); round = search.next_round()) {
///     session.generate(round, drawing, {[&](const auto& candidate, const auto& grid) {
///       search.add(candidate, scorer.score(reference, from_grid(grid, frame)));
///     }});
///   }
///   const auto choice = search.choose();
///
/// The same scores give the same rounds, in whatever order they are added.
class AutoSearch {
 public:
  /// `request` has one target; its strategies, seeds and α are the allowed ones, its strengths span the
  /// range. `steps`: sampling steps of a candidate, if the request has more. Throws a usage Error where
  /// plan_edit does.
  AutoSearch(EditRequest request, std::size_t pictures, std::int64_t steps);

  /// What to generate next, each with its own `stem` (without a number); empty when the budget is spent or
  /// nothing is left to try. Candidates that are never added count towards the budget.
  std::vector<Candidate> next_round();

  /// Adds the scores of an image of a round.
  void add(const Candidate& candidate, EditScores scores);

  /// Changes the budget, which includes all candidates so far.
  void set_pictures(std::size_t pictures) { pictures_ = pictures; }
  /// Ends the search: only the best three with all steps may still come.
  void end() { pictures_ = asked_.size(); }
  std::size_t asked() const { return asked_.size(); }

  /// All candidates that were added, in the order in which they were asked for ...
  std::vector<ScoredEdit> scored() const { return scored_of(asked_); }
  /// ... and the choice among them.
  AutoChoice choose() const { return choose_edits(scored()); }
  /// The best three with all steps, as far as they were added; empty if candidates have all steps.
  std::vector<ScoredEdit> finals() const { return scored_of(finals_); }
  /// The image to show for a candidate: with all steps if it was added, else the candidate.
  const Candidate& final_of(const Candidate& candidate) const;

 private:
  struct Asked {
    Candidate candidate;
    std::optional<EditScores> scores;
  };
  static std::vector<ScoredEdit> scored_of(const std::vector<Asked>& asked);
  std::vector<Candidate> search_round();
  std::vector<Candidate> final_round();
  std::vector<Candidate> coarse_round() const;
  std::vector<Candidate> fine_round(std::size_t count) const;
  std::vector<Candidate> around(const Candidate& centre) const;
  std::optional<double> between(double low, double high) const;

  EditRequest request_;
  std::size_t pictures_;
  std::int64_t all_steps_;  // those of the request; request_ has those of a candidate
  std::vector<const ForgettingStrategy*> strategies_;
  std::vector<double> alphas_, strengths_;  // ascending
  std::vector<std::uint64_t> seeds_;
  std::vector<Asked> asked_, finals_;
  std::size_t rounds_ = 0;
  bool is_over_ = false;  // the final round was asked for
};

}  // namespace forgedit
