#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/jobs/results.h"
#include "forgedit/jobs/scoring.h"
#include "forgedit/pipelines/choice/auto_search.h"

namespace forgedit {

/// The automatic choice over all targets of a run: rounds of candidates, their scores, and the result. Its
/// time limit starts with the constructor.
class AutoEdit {
 public:
  /// `original` is the picture that edits are compared with. The caller owns the scorer.
  AutoEdit(const std::vector<EditRequest>& requests, const AutoRequest& asked, EditScorer& scorer,
           const Image& original, const std::string& source);

  /// What is always generated: the reconstruction, and images by the untouched model.
  static std::vector<Candidate> always_drawn(const std::vector<EditRequest>& requests);

  /// Gives the candidates of a round their final stems.
  using Numbering = std::function<void(std::vector<Candidate>& round)>;
  /// The next round of all targets, with stems from `number`. The last one, when all searches or the time are
  /// over, is the best three with all steps; empty after it, or where candidates have all steps.
  std::vector<Candidate> next_round(const Numbering& number);
  /// Whether the last round was given.
  bool is_last_round() const { return is_last_round_; }
  /// What all scores need: descriptions of the texts and of the original. Otherwise the first score does it.
  void prepare_scores();
  /// The scores of a picture; nothing for those that belong to no search (the reconstruction). Another thread
  /// may call these two until the round ends.
  std::optional<EditScores> score(const Candidate& candidate, const Image& picture);
  /// Takes what `score` gave into account. `drawn`: generated now, not by an earlier run.
  void add(const Candidate& candidate, const std::optional<EditScores>& scores, bool drawn);
  /// Whether the seconds are spent and there is something to choose from.
  bool is_time_over() const;
  /// The time limit is for generating only: call this when something else took time.
  void restart_clock() { start_ = std::chrono::steady_clock::now(); }
  /// Candidates with scores, without the last round.
  std::size_t scored() const { return scored_; }

  /// One line per target with its best candidate so far; at the end, all three with their reasons.
  std::vector<std::string> lines(bool all) const;
  /// `clip` is the folder of the CLIP model that scored; empty if the diffusion model did.
  Arrangement arrangement(const std::filesystem::path& clip, bool complete) const;
  /// One trade-off chart per target, one below another.
  Image chart(const std::string& picture_name, const Fonts& font) const;

 private:
  struct Target {
    std::string text;
    AutoSearch search;
    std::optional<EditScorer::Reference> reference;  // from prepare_scores on
    EditScores original;
    std::map<std::string, std::string> stems;  // numbered ones, by those of the search
    /// Of the image to show for a candidate.
    std::string stem(const Candidate& candidate) const { return stems.at(search.shown_for(candidate).stem); }
    std::string file(const Candidate& candidate) const { return stem(candidate) + ".png"; }
  };
  using Round = std::vector<Candidate> (AutoSearch::*)();
  std::vector<Candidate> ask(Round round, const Numbering& number);
  static std::vector<Arrangement::Row> rows_of(const Target& target, const AutoChoice& choice);
  static nlohmann::json entry_of(const Target& target, const AutoChoice& choice);
  static void add_scores(const Target& target, const AutoChoice& choice, Arrangement& result);
  void fit_budget_to_time();
  double seconds_so_far() const;

  AutoRequest asked_;
  EditScorer& scorer_;
  Image original_;
  std::string source_;
  std::vector<Target> targets_;
  std::map<std::string, std::size_t> target_of_;  // by numbered stem
  std::size_t scored_ = 0, drawn_ = 0;
  std::chrono::steady_clock::time_point start_;
  bool is_last_round_ = false;
};

}  // namespace forgedit
