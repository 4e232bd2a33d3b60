#include "forgedit/pipelines/choice/auto_choice.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "forgedit/core/error.h"
#include "forgedit/pipelines/choice/auto_defaults.h"

namespace forgedit {
namespace {

// The minimum spans of a scale, so that smaller differences are not stretched to the whole scale.
constexpr double kLeastClipSpan = 0.02, kLeastDiffusionSpan = 0.002;
constexpr double kLeastKeptSpan = 0.2;
// An edit is eligible if its direction is at least this share of the best one's.
constexpr double kLeastDirection = 0.5;
// The default settings (nothing forgotten, γ 1 or β 1.2) are the best unless another candidate's score is
// higher by this, because some of many candidates score too high by chance. Measured on the tuning lists of
// docs/miniedit.md.
constexpr double kDefaultMargin = 0.2;
// The second and third best differ by this much from the best on one of the scales, and have at least this
// share of its score.
constexpr double kDistinct = 0.1;
constexpr double kLeastScore = 0.4;
// The scale of `kept` continues below the lowest value, which therefore scores more than 0.
constexpr double kBelowLeast = 1.25;

std::optional<double> finite(const EditScores& scores, const char* key) {
  const auto found = scores.find(key);
  if (found == scores.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

std::optional<double> kept_of(const EditScores& scores) {
  for (const char* key : {"lpips_alex", "lpips_vgg"}) {
    if (scores.count(key) == 0) continue;
    const auto distance = finite(scores, key);
    return distance ? std::optional(1 - *distance) : std::nullopt;
  }
  return finite(scores, "ssim");
}

/// Returns nothing if the score is missing or the measure is no direction.
std::optional<double> direction_of(const EditScores& scores, EditMeasure measure) {
  if (measure == EditMeasure::clip_cosine) return std::nullopt;
  return finite(scores, measure == EditMeasure::diffusion ? kDiffusionDirection : "clip_direction");
}

/// Marks the eligible edits. An image may come near to the target text because it shows nothing in particular
/// or fits both texts better; then its change does not point from the source to the target text.
void mark_eligible(std::vector<JudgedEdit>& judged, const std::vector<ScoredEdit>& edits,
                   EditMeasure measure) {
  double best = -std::numeric_limits<double>::infinity();
  bool measured = false;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    const auto direction = direction_of(edits[i].scores, measure);
    if (!judged[i].tradeoff || !direction) continue;
    best = std::max(best, *direction);
    measured = true;
  }
  for (std::size_t i = 0; i < edits.size(); ++i) {
    const auto direction = direction_of(edits[i].scores, measure);
    judged[i].eligible = judged[i].tradeoff &&
                         (!measured || (direction && *direction > 0 && *direction >= kLeastDirection * best));
  }
}

/// Start and end of a scale.
struct Scale {
  double low = 0, span = 1;
  double share(double value) const { return std::max(0.0, (value - low) / span); }
};

Scale scale_between(double low, double high, double least_span) {
  const double span = std::max(high - low, least_span);
  return {high - span, span};
}

/// Returns the minimum of `values` without the lowest tenth.
double least_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 10);
}

/// Returns the scale from the weakest eligible edit, without the lowest tenth, to the strongest.
Scale edit_scale(const std::vector<JudgedEdit>& judged, EditMeasure measure) {
  std::vector<double> edits;
  for (const auto& each : judged) {
    if (each.eligible) edits.push_back(each.tradeoff->edit);
  }
  return scale_between(least_of(edits), *std::max_element(edits.begin(), edits.end()),
                       measure == EditMeasure::diffusion ? kLeastDiffusionSpan : kLeastClipSpan);
}

/// Returns the scale from the least faithful edit, without the lowest tenth, to the most faithful.
Scale kept_scale(const std::vector<JudgedEdit>& judged) {
  std::vector<double> all;
  double high = -std::numeric_limits<double>::infinity();
  for (const auto& each : judged) {
    if (!each.tradeoff) continue;
    all.push_back(each.tradeoff->kept);
    if (each.eligible) high = std::max(high, each.tradeoff->kept);
  }
  const double least = least_of(all);
  return scale_between(high - kBelowLeast * (high - least), high, kLeastKeptSpan);
}

bool beats(const Tradeoff& left, const Tradeoff& right) {
  return left.edit >= right.edit && left.kept >= right.kept &&
         (left.edit > right.edit || left.kept > right.kept);
}

class Chooser {
 public:
  explicit Chooser(const std::vector<ScoredEdit>& edits) : edits_(edits) {}

  AutoChoice choose() {
    auto& judged = choice_.judged;
    choice_.measure = edit_measure(edits_);
    for (const auto& edit : edits_) judged.push_back({tradeoff_of(edit.scores, choice_.measure)});
    mark_eligible(judged, edits_, choice_.measure);
    const auto any = [&](auto test) { return std::any_of(judged.begin(), judged.end(), test); };
    if (!any([](const auto& each) { return each.tradeoff.has_value(); })) return choice_;
    has_eligible_ = any([](const auto& each) { return each.eligible; });
    knows_style_ = knows_the_style();
    if (!has_eligible_ || !knows_style_) {
      for (auto& each : judged) each.eligible = each.tradeoff.has_value();
    }
    compute_scores();
    find_front();
    pick();
    return std::move(choice_);
  }

 private:
  void compute_scores() {
    const auto edit = edit_scale(choice_.judged, choice_.measure), kept = kept_scale(choice_.judged);
    for (auto& each : choice_.judged) {
      if (!each.eligible) continue;
      each.edit_share = edit.share(each.tradeoff->edit);
      each.kept_share = kept.share(each.tradeoff->kept);
      const double sum = each.edit_share + each.kept_share;
      if (sum > 0) each.score = 2 * each.edit_share * each.kept_share / sum;
    }
  }

  void find_front() {
    auto& judged = choice_.judged;
    for (std::size_t i = 0; i < judged.size(); ++i) {
      if (!judged[i].eligible) continue;
      bool beaten = false;
      for (std::size_t k = 0; k < judged.size() && !beaten; ++k) {
        beaten = judged[k].eligible && beats(*judged[k].tradeoff, *judged[i].tradeoff);
      }
      judged[i].front = !beaten;
      if (!beaten) choice_.front.push_back(i);
    }
    std::stable_sort(choice_.front.begin(), choice_.front.end(), [&](std::size_t a, std::size_t b) {
      return judged[a].tradeoff->edit > judged[b].tradeoff->edit;
    });
  }

  /// Returns the best of the edits that pass the test; nothing if none does.
  template <typename Test>
  std::optional<std::size_t> best_of(Test test) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      const auto& each = choice_.judged[i];
      if (!each.eligible || !test(i)) continue;
      if (!best || is_better_edit(each, choice_.judged[*best])) best = i;
    }
    return best;
  }

  void pick() {
    auto first = *best_of([](std::size_t) { return true; });
    const double margin = knows_style_ ? kDefaultMargin : std::numeric_limits<double>::infinity();
    const auto usual = best_of([&](std::size_t i) {
      return has_default_settings(edits_[i].candidate) &&
             choice_.judged[i].score >= choice_.judged[first].score - margin;
    });
    const bool keeps_default = usual && *usual != first;
    if (keeps_default) first = *usual;
    const auto& best = choice_.judged[first];
    add(first, first_reason(keeps_default, has_default_settings(edits_[first].candidate)));
    const auto sane = [&](std::size_t i) {
      return choice_.judged[i].score > 0 && choice_.judged[i].score >= kLeastScore * best.score;
    };
    const auto faithful = best_of([&](std::size_t i) {
      return sane(i) && choice_.judged[i].kept_share >= best.kept_share + kDistinct;
    });
    if (faithful) add(*faithful, "more faithful to the original");
    const auto strong = best_of([&](std::size_t i) {
      return sane(i) && choice_.judged[i].edit_share >= best.edit_share + kDistinct;
    });
    if (strong) add(*strong, "a stronger edit");
    while (choice_.best.size() < kBestEdits) {
      if (const auto other = best_of([&](std::size_t i) { return sane(i) && is_another(i); })) {
        add(*other, another_reason(*other));
      } else if (const auto next = best_of([&](std::size_t i) { return !is_picked(i); })) {
        add(*next, "the next best score");
      } else {
        return;
      }
    }
  }

  std::string first_reason(bool keeps_default, bool has_defaults) const {
    if (!knows_style_) {
      return std::string(has_defaults ? "the default settings" : "the best score") +
             "; the model does not know the picture's style well enough to judge";
    }
    if (!has_eligible_) return "the best score, but no candidate changed from the caption towards the prompt";
    return keeps_default ? "the default settings; no other candidate is clearly better"
                         : "the best score; no stronger edit is as faithful";
  }

  /// False if the model predicts most candidates better than the original: it then prefers images in its own
  /// style.
  bool knows_the_style() const {
    if (choice_.measure != EditMeasure::diffusion) return true;
    std::vector<double> beyond;
    for (const auto& edit : edits_) {
      if (const auto value = finite(edit.scores, kBeyondOriginal)) beyond.push_back(*value);
    }
    if (beyond.empty()) return true;
    std::sort(beyond.begin(), beyond.end());
    return beyond[beyond.size() / 2] >= 0;
  }

  bool is_picked(std::size_t i) const {
    return std::any_of(choice_.best.begin(), choice_.best.end(),
                       [&](const AutoChoice::Pick& picked) { return picked.place == i; });
  }

  /// Whether an image is no near copy of a picked one: it has another strategy or another seed.
  bool is_another(std::size_t i) const {
    const auto& candidate = edits_[i].candidate;
    return std::none_of(choice_.best.begin(), choice_.best.end(), [&](const AutoChoice::Pick& picked) {
      const auto& other = edits_[picked.place].candidate;
      return other.strategy == candidate.strategy && other.seed == candidate.seed;
    });
  }

  std::string another_reason(std::size_t i) const {
    const auto& best = edits_[choice_.best.front().place].candidate;
    const auto& candidate = edits_[i].candidate;
    return candidate.strategy == best.strategy || !candidate.strategy
               ? fmt::format("the next best score with another seed ({})", candidate.seed)
               : fmt::format("the next best score with another strategy ({})", candidate.strategy->name);
  }

  void add(std::size_t place, const std::string& why) {
    const auto& score = *choice_.judged[place].tradeoff;
    choice_.best.push_back({place, fmt::format("edit {:.3f}, kept {:.3f}: {}", score.edit, score.kept, why)});
  }

  const std::vector<ScoredEdit>& edits_;
  AutoChoice choice_;
  bool has_eligible_ = false;  // some candidate is eligible by its direction
  bool knows_style_ = true;    // whether the model that scores knows the style
};

}  // namespace

const char* edit_measure_name(EditMeasure measure) {
  switch (measure) {
    case EditMeasure::clip_direction:
      return "CLIP direction";
    case EditMeasure::clip_cosine:
      return "CLIP cosine";
    case EditMeasure::diffusion:
      return "diffusion classifier";
  }
  throw usage_error("edit measure: unknown value");
}

EditMeasure edit_measure(const std::vector<ScoredEdit>& edits) {
  const auto any_has = [&](const char* key) {
    return std::any_of(edits.begin(), edits.end(),
                       [&](const ScoredEdit& edit) { return edit.scores.count(key) > 0; });
  };
  if (any_has("clip_direction")) return EditMeasure::clip_direction;
  return any_has(kDiffusionDirection) ? EditMeasure::diffusion : EditMeasure::clip_cosine;
}

std::optional<Tradeoff> tradeoff_of(const EditScores& scores, EditMeasure measure) {
  const auto kept = kept_of(scores);
  if (!kept) return std::nullopt;
  const bool by_clip = measure != EditMeasure::diffusion;
  const auto cosine = finite(scores, "clip");
  if (by_clip && !cosine) return std::nullopt;
  if (measure == EditMeasure::clip_cosine) return Tradeoff{*cosine, *kept};
  if (scores.count(by_clip ? "clip_direction" : kDiffusionDirection) == 0) return Tradeoff{0, *kept};
  const auto direction = direction_of(scores, measure);
  return direction ? std::optional(Tradeoff{*direction, *kept}) : std::nullopt;
}

std::string kept_measure(const EditScores& scores) {
  if (scores.count("lpips_alex")) return "1 − LPIPS alex";
  if (scores.count("lpips_vgg")) return "1 − LPIPS vgg";
  return scores.count("ssim") ? "SSIM" : "";
}

bool has_default_settings(const Candidate& candidate) {
  const bool vs = candidate.interpolation == Interpolation::vector_subtraction;
  return candidate.strategy && std::string(candidate.strategy->name) == "donotforget" &&
         std::abs(candidate.strength - (vs ? 1.0 : 1.2)) < 1e-6;
}

bool is_better_edit(const JudgedEdit& left, const JudgedEdit& right) {
  if (left.eligible != right.eligible) return left.eligible;
  if (left.score != right.score) return left.score > right.score;
  // Among edits with a score of 0 (one share is 0) the sum decides, so that an edit which is better in both
  // comes first.
  return left.edit_share + left.kept_share > right.edit_share + right.kept_share;
}

AutoChoice choose_edits(const std::vector<ScoredEdit>& edits) {
  return Chooser(edits).choose();
}

}  // namespace forgedit
