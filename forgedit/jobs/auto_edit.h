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

  /// Images that every run generates: the reconstruction, and images by the untouched model.
  static std::vector<Candidate> always_drawn(const std::vector<EditRequest>& requests);

  /// Gives the candidates of a round their final stems.
  using Numbering = std::function<void(std::vector<Candidate>& round)>;
  /// Returns the next round of all targets, with stems from `number`. When all searches have ended or the
  /// time is over, it returns the last round, the best three with all steps. Empty after that, or if
  /// candidates already have all steps.
  std::vector<Candidate> next_round(const Numbering& number);
  /// Whether next_round has returned the last round.
  bool is_last_round() const { return is_last_round_; }
  /// Embeds the prompts and scores the original, which all scores need. Otherwise the first call of `score`
  /// does it.
  void prepare_scores();
  /// Returns the scores of an image; nothing if it belongs to no search (the reconstruction). prepare_scores
  /// and score may be called by another thread until the round ends.
  std::optional<EditScores> score(const Candidate& candidate, const Image& picture);
  /// Adds what `score` returned to the search. `drawn`: the image was generated now, not by an earlier run.
  void add(const Candidate& candidate, const std::optional<EditScores>& scores, bool drawn);
  /// Whether the time limit is reached and at least one candidate has scores.
  bool is_time_over() const;
  /// The time limit is for generating only: call this when something else took time.
  void restart_clock() { start_ = std::chrono::steady_clock::now(); }
  /// The number of candidates with scores, without the last round.
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
    std::optional<EditScorer::Reference> reference;  // set by prepare_scores
    EditScores original;
    std::map<std::string, std::string> stems;  // numbered stems, by the stems of the search
    /// The stem of the image to show for a candidate.
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
  std::map<std::string, std::size_t> target_of_;  // index in targets_, by numbered stem
  std::size_t scored_ = 0, drawn_ = 0;
  std::chrono::steady_clock::time_point start_;
  bool is_last_round_ = false;
};

}  // namespace forgedit
