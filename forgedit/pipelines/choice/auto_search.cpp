#include "forgedit/pipelines/choice/auto_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::size_t kFineRounds = 3;
constexpr std::size_t kCoarseStrengths = 4;
constexpr std::size_t kSeedsAtOnce = 2;
// Images whose strengths differ by less than half of this look alike.
constexpr double kLeastGap = 0.1;
constexpr double kSameStrength = 1e-6;

/// Whether two images differ at most in their sampling steps.
bool is_same_edit(const Candidate& left, const Candidate& right) {
  return left.strategy == right.strategy && left.alpha == right.alpha && left.seed == right.seed &&
         std::abs(left.strength - right.strength) < kSameStrength;
}

bool is_same(const Candidate& left, const Candidate& right) {
  return is_same_edit(left, right) && left.sample.steps == right.sample.steps;
}

std::vector<double> ascending(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// Returns `count` of the values, evenly spaced: with both ends, or only the middle one.
std::vector<double> spread(const std::vector<double>& values, std::size_t count) {
  if (count >= values.size()) return values;
  if (count == 1) return {values[(values.size() - 1) / 2]};
  std::vector<double> result;
  for (std::size_t i = 0; i < count; ++i) {
    result.push_back(values[(2 * i * (values.size() - 1) + count - 1) / (2 * (count - 1))]);
  }
  return result;
}

}  // namespace

AutoSearch::AutoSearch(EditRequest request, std::size_t pictures, std::int64_t steps)
    : request_(std::move(request)), pictures_(pictures), all_steps_(request_.sample.steps) {
  if (request_.targets.size() != 1) throw usage_error("the automatic choice: expected one target prompt");
  plan_edit({request_});  // throws if the request is wrong
  for (const auto& name : request_.strategies) {
    const auto* strategy = &find_forgetting_strategy(name, request_.method);
    if (std::find(strategies_.begin(), strategies_.end(), strategy) == strategies_.end()) {
      strategies_.push_back(strategy);
    }
  }
  const bool vs = request_.interpolation == Interpolation::vector_subtraction;
  alphas_ = vs ? std::vector<double>{0.0} : ascending(request_.alphas);
  strengths_ = ascending(vs ? request_.gammas : request_.betas);
  seeds_ = all_seeds(request_);
  request_.sample.steps = std::min(steps, all_steps_);
}

std::vector<Candidate> AutoSearch::final_round() {
  if (request_.sample.steps == all_steps_) return {};
  const auto edits = scored();
  std::vector<Candidate> round;
  for (const auto& pick : choose_edits(edits).best) {
    auto candidate = edits[pick.place].candidate;
    candidate.sample.steps = all_steps_;
    candidate.stem += "_steps" + std::to_string(all_steps_);
    round.push_back(std::move(candidate));
  }
  last_ = round;
  return round;
}

std::vector<Candidate> AutoSearch::next_round() {
  if (asked_.size() >= pictures_) return {};
  const auto left = pictures_ - asked_.size();
  std::vector<Candidate> round;
  if (rounds_ == 0) {
    round = coarse_round();
  } else {
    const auto rounds_left = rounds_ <= kFineRounds ? kFineRounds + 1 - rounds_ : 1;
    round = fine_round((left + rounds_left - 1) / rounds_left);
  }
  ++rounds_;
  for (const auto& candidate : round) asked_.push_back({candidate, std::nullopt});
  return round;
}

/// Returns as many strengths of every strategy as fit into half of the budget, then as many seeds; and the
/// default settings, which the choice prefers.
std::vector<Candidate> AutoSearch::coarse_round() const {
  const auto most = (pictures_ + 1) / 2;
  auto strategies = strategies_;
  auto alphas = alphas_;
  if (strategies.size() * alphas.size() > most) alphas = spread(alphas, 1);
  if (strategies.size() > most) strategies.resize(most);
  const auto cells = strategies.size() * alphas.size();
  const auto strengths = spread(strengths_, std::clamp<std::size_t>(most / cells, 1, kCoarseStrengths));
  const auto seeds = std::clamp<std::size_t>(most / (cells * strengths.size()), 1, seeds_.size());
  std::vector<Candidate> round;
  for (const auto* strategy : strategies) {
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      for (const double alpha : alphas) {
        for (const double strength : strengths) {
          round.push_back(
              edit_candidate(request_, request_.targets.front(), *strategy, alpha, strength, seeds_[seed]));
        }
      }
    }
  }
  add_default_settings(round);
  return round;
}

/// Puts the default settings first, unless they are in the round already or not in the search space.
void AutoSearch::add_default_settings(std::vector<Candidate>& round) const {
  if (std::any_of(round.begin(), round.end(), has_default_settings)) return;
  for (const auto* strategy : strategies_) {
    for (const double strength : strengths_) {
      auto candidate = edit_candidate(request_, request_.targets.front(), *strategy,
                                      spread(alphas_, 1).front(), strength, seeds_.front());
      if (!has_default_settings(candidate)) continue;
      if (round.size() == pictures_) round.pop_back();
      round.insert(round.begin(), std::move(candidate));
      return;
    }
  }
}

/// Returns the strength between two: the middle one of those in the request, else the mean. Nothing if they
/// are close.
std::optional<double> AutoSearch::between(double low, double high) const {
  std::vector<double> given;
  for (const double strength : strengths_) {
    if (strength > low + kSameStrength && strength < high - kSameStrength) given.push_back(strength);
  }
  if (!given.empty()) return spread(given, 1).front();
  if (high - low < kLeastGap - kSameStrength) return std::nullopt;
  return std::round((low + high) * 50) / 100;  // two decimals, as in file names
}

/// Returns candidates near an image: the strengths on both sides, and other seeds.
std::vector<Candidate> AutoSearch::around(const Candidate& centre) const {
  std::optional<double> lower, upper;
  for (const auto& [other, scores] : asked_) {
    if (other.strategy != centre.strategy || other.alpha != centre.alpha) continue;
    const double strength = other.strength;
    if (strength < centre.strength - kSameStrength) lower = std::max(lower.value_or(strength), strength);
    if (strength > centre.strength + kSameStrength) upper = std::min(upper.value_or(strength), strength);
  }
  std::vector<double> strengths;
  if (lower) {
    if (const auto strength = between(*lower, centre.strength)) strengths.push_back(*strength);
  }
  if (upper) {
    if (const auto strength = between(centre.strength, *upper)) strengths.push_back(*strength);
  }
  std::vector<Candidate> result;
  const auto add = [&](double strength, std::uint64_t seed) {
    auto candidate = edit_candidate(request_, centre.target, *centre.strategy, centre.alpha, strength, seed);
    const bool known = std::any_of(asked_.begin(), asked_.end(), [&](const Asked& asked) {
      return is_same_edit(asked.candidate, candidate);
    });
    if (!known) result.push_back(std::move(candidate));
    return !known;
  };
  for (const double strength : strengths) add(strength, centre.seed);
  std::size_t seeds = 0;
  for (const auto seed : seeds_) {
    if (seeds < kSeedsAtOnce && add(centre.strength, seed)) ++seeds;
  }
  return result;
}

std::vector<Candidate> AutoSearch::fine_round(std::size_t count) const {
  const auto edits = scored();
  const auto judged = choose_edits(edits).judged;
  std::vector<std::size_t> ranked(edits.size());
  std::iota(ranked.begin(), ranked.end(), 0);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [&](std::size_t a, std::size_t b) { return is_better_edit(judged[a], judged[b]); });
  std::vector<Candidate> round;
  for (const auto place : ranked) {
    for (auto& candidate : around(edits[place].candidate)) {
      const bool known = std::any_of(round.begin(), round.end(),
                                     [&](const Candidate& other) { return is_same_edit(other, candidate); });
      if (!known && round.size() < count) round.push_back(std::move(candidate));
    }
    if (round.size() == count) break;
  }
  return round;
}

void AutoSearch::add(const Candidate& candidate, EditScores scores) {
  for (auto& asked : asked_) {
    if (!is_same(asked.candidate, candidate)) continue;
    asked.scores = std::move(scores);
    return;
  }
  for (const auto& last : last_) {
    if (!is_same(last, candidate)) continue;
    with_all_steps_.push_back({last, std::move(scores)});
    return;
  }
  throw usage_error("the automatic choice: scores of an image that it did not ask for");
}

const ScoredEdit* AutoSearch::with_all_steps(const Candidate& candidate) const {
  for (const auto& edit : with_all_steps_) {
    if (is_same_edit(edit.candidate, candidate)) return &edit;
  }
  return nullptr;
}

const Candidate& AutoSearch::shown_for(const Candidate& candidate) const {
  const auto* edit = with_all_steps(candidate);
  return edit ? edit->candidate : candidate;
}

std::vector<ScoredEdit> AutoSearch::scored() const {
  std::vector<ScoredEdit> edits;
  for (const auto& [candidate, scores] : asked_) {
    if (scores) edits.push_back({candidate, *scores});
  }
  return edits;
}

}  // namespace forgedit
