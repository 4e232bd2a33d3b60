#include "forgedit/jobs/auto_edit.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/charts/scatter_chart.h"

namespace forgedit {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostCharts = 100;

std::string score_label(const JudgedEdit& judged) {
  if (!judged.tradeoff) return "no score";
  return fmt::format("edit {:.3f}  kept {:.3f}", judged.tradeoff->edit, judged.tradeoff->kept);
}

std::string settings_label(const Candidate& candidate) {
  return candidate.label + "  " + candidate.strategy->name;
}

std::string axis_title(EditMeasure measure) {
  const bool is_direction = measure != EditMeasure::clip_cosine;
  return std::string("edit: ") + edit_measure_name(measure) +
         (is_direction ? ", caption to prompt" : " with the prompt");
}

/// One below another; all are of one size.
Image stacked(const std::vector<Image>& images) {
  Image result(images.front().width, images.front().height * static_cast<int>(images.size()));
  auto* end = result.pixels.data();
  for (const auto& image : images) {
    std::memcpy(end, image.pixels.data(), image.pixels.size());
    end += image.pixels.size();
  }
  return result;
}

}  // namespace

AutoEdit::AutoEdit(const std::vector<EditRequest>& requests, const AutoRequest& asked, EditScorer& scorer,
                   const Image& original, const std::string& source)
    : asked_(asked), scorer_(scorer), original_(original), source_(source), start_(Clock::now()) {
  for (const auto& request : requests) {
    for (const auto& target : request.targets) {
      auto one = request;
      one.targets = {target};
      targets_.push_back(
          {target,
           AutoSearch(one, asked.pictures.value_or(kAutoPictures), asked.steps.value_or(kAutoSteps)),
           {},
           {},
           {}});
    }
  }
}

std::vector<Candidate> AutoEdit::always_drawn(const std::vector<EditRequest>& requests) {
  auto smallest = requests;
  for (auto& request : smallest) {
    request.strategies.resize(1);
    for (auto* strengths : {&request.gammas, &request.alphas, &request.betas}) strengths->resize(1);
    request.seeds.resize(1);
    request.repeat = 1;
  }
  auto plan = plan_edit(smallest);
  std::erase_if(plan, [](const Candidate& candidate) { return candidate.kind == Candidate::Kind::edit; });
  return plan;
}

std::vector<Candidate> AutoEdit::next_round(const Numbering& number) {
  if (is_last_round_) return {};
  if (!is_time_over()) {
    fit_budget_to_time();
    auto round = ask(&AutoSearch::next_round, number);
    if (!round.empty()) return round;
  }
  is_last_round_ = true;
  return ask(&AutoSearch::final_round, number);
}

/// A round of all targets.
std::vector<Candidate> AutoEdit::ask(Round next, const Numbering& number) {
  std::vector<Candidate> round;
  std::vector<std::pair<std::size_t, std::string>> asked;  // by which target, under which stem
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    for (auto& candidate : (targets_[i].search.*next)()) {
      asked.emplace_back(i, candidate.stem);
      number_stem(candidate, target_of_.size() + asked.size(), 0);
      round.push_back(std::move(candidate));
    }
  }
  number(round);
  for (std::size_t i = 0; i < round.size(); ++i) {
    const auto& [target, stem] = asked[i];
    targets_[target].stems.emplace(stem, round[i].stem);
    target_of_.emplace(round[i].stem, target);
  }
  return round;
}

/// With seconds alone the budget is what they will do for, once it is known how long a picture takes.
void AutoEdit::fit_budget_to_time() {
  if (!asked_.seconds || drawn_ == 0) return;
  const double left = *asked_.seconds - seconds_so_far(),
               each = seconds_so_far() / static_cast<double>(drawn_);
  const auto more =
      static_cast<std::size_t>(std::max(0.0, left) / each / static_cast<double>(targets_.size()));
  for (auto& target : targets_) {
    const auto budget = std::clamp<std::size_t>(target.search.asked() + more, 1, kMostAutoPictures);
    target.search.set_pictures(std::min(budget, asked_.pictures.value_or(budget)));
  }
}

void AutoEdit::prepare_scores() {
  for (auto& target : targets_) {
    if (target.reference) continue;
    target.reference = scorer_.prepare(original_, target.text, source_);
    target.original = scorer_.score(*target.reference, original_);
  }
}

std::optional<EditScores> AutoEdit::score(const Candidate& candidate, const Image& picture) {
  prepare_scores();
  const auto found = target_of_.find(candidate.stem);
  if (found == target_of_.end()) return {};
  return scorer_.score(*targets_[found->second].reference, picture);
}

void AutoEdit::add(const Candidate& candidate, const std::optional<EditScores>& scores, bool drawn) {
  drawn_ += drawn;
  if (!scores) return;
  targets_[target_of_.at(candidate.stem)].search.add(candidate, *scores);
  if (!is_last_round_) ++scored_;
}

double AutoEdit::seconds_so_far() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

bool AutoEdit::is_time_over() const {
  return !is_last_round_ && asked_.seconds && scored_ > 0 && seconds_so_far() >= *asked_.seconds;
}

std::vector<std::string> AutoEdit::lines(bool all) const {
  std::vector<std::string> result;
  for (const auto& target : targets_) {
    const auto edits = target.search.scored();
    const auto choice = target.search.choose();
    if (choice.best.empty()) {
      if (all) result.push_back(fmt::format("\"{}\": no candidate has a score", target.text));
      continue;
    }
    if (!all) {
      const auto place = choice.best.front().place;
      result.push_back(fmt::format("best of {} candidate{} so far for \"{}\": {}: {}", edits.size(),
                                   edits.size() == 1 ? "" : "s", target.text,
                                   target.file(edits[place].candidate), score_label(choice.judged[place])));
      continue;
    }
    result.push_back(fmt::format("the best of {} candidate{} for \"{}\":", edits.size(),
                                 edits.size() == 1 ? "" : "s", target.text));
    for (std::size_t i = 0; i < choice.best.size(); ++i) {
      const auto& pick = choice.best[i];
      result.push_back(
          fmt::format("  {}. {}: {}", i + 1, target.file(edits[pick.place].candidate), pick.reason));
    }
  }
  return result;
}

std::vector<Arrangement::Row> AutoEdit::rows_of(const Target& target, const AutoChoice& choice) {
  const auto edits = target.search.scored();
  Arrangement::Row best{target.text + " · best candidates", {}},
      front{target.text + " · rest of the Pareto front", {}}, others{target.text + " · other candidates", {}};
  std::vector<bool> shown(edits.size());
  const auto show = [&](Arrangement::Row& row, std::size_t place, const Candidate& image,
                        const std::string& mark = "") {
    shown[place] = true;
    row.cells.emplace_back(target.stems.at(image.stem),
                           mark + settings_label(image) + "\n" + score_label(choice.judged[place]));
  };
  for (std::size_t i = 0; i < choice.best.size(); ++i) {
    const auto place = choice.best[i].place;
    show(best, place, target.search.shown_for(edits[place].candidate), fmt::format("{}.  ", i + 1));
  }
  for (const auto place : choice.front) {
    if (!shown[place]) show(front, place, edits[place].candidate);
  }
  for (std::size_t place = 0; place < edits.size(); ++place) {
    const auto& candidate = edits[place].candidate;
    if (!shown[place] || target.search.with_all_steps(candidate)) show(others, place, candidate);
  }
  return {best, front, others};
}

json AutoEdit::entry_of(const Target& target, const AutoChoice& choice) {
  const auto edits = target.search.scored();
  json entry{{"target", target.text},
             {"steps", target.search.steps()},
             {"edit", edit_measure_name(choice.measure)},
             {"kept", kept_measure(target.original)},
             {"original", scores_json(target.original)},
             {"best", json::array()},
             {"front", json::array()}};
  for (const auto& pick : choice.best)
    entry["best"].push_back({{"file", target.file(edits[pick.place].candidate)}, {"reason", pick.reason}});
  for (const auto place : choice.front) entry["front"].push_back(target.file(edits[place].candidate));
  return entry;
}

/// An image with all steps has the place of its candidate in the trade-off, by which it was chosen, and
/// scores of its own.
void AutoEdit::add_scores(const Target& target, const AutoChoice& choice, Arrangement& result) {
  const auto edits = target.search.scored();
  for (std::size_t place = 0; place < edits.size(); ++place) {
    const auto& candidate = edits[place].candidate;
    const auto& judged = choice.judged[place];
    const auto* with_all_steps = target.search.with_all_steps(candidate);
    if (with_all_steps) {
      result.scores.emplace(target.stems.at(candidate.stem),
                            std::make_shared<const json>(json{{"scores", scores_json(edits[place].scores)},
                                                              {"counts", judged.eligible}}));
    }
    json scores{{"scores", scores_json(with_all_steps ? with_all_steps->scores : edits[place].scores)},
                {"counts", judged.eligible}};
    if (judged.tradeoff) {
      scores["edit"] = judged.tradeoff->edit;
      scores["kept"] = judged.tradeoff->kept;
    }
    result.scores.emplace(target.stem(candidate), std::make_shared<const json>(std::move(scores)));
  }
}

Arrangement AutoEdit::arrangement(const std::filesystem::path& clip, bool complete) const {
  Arrangement result;
  result.complete = complete;
  json record{
      {"pictures",
       asked_.seconds && !asked_.pictures ? json(nullptr) : json(asked_.pictures.value_or(kAutoPictures))},
      {"seconds", asked_.seconds ? json(*asked_.seconds) : json(nullptr)},
      {"clip", clip.empty() ? json(nullptr) : json(clip_name(clip))},
      {"left_out", scorer_.skipped()},
      {"chart", kChartFile},
      {"targets", json::array()}};
  for (const auto& target : targets_) {
    const auto choice = target.search.choose();
    for (auto& row : rows_of(target, choice)) {
      if (!row.cells.empty()) result.rows.push_back(std::move(row));
    }
    add_scores(target, choice, result);
    record["targets"].push_back(entry_of(target, choice));
  }
  result.choice = std::make_shared<const json>(std::move(record));
  return result;
}

Image AutoEdit::chart(const std::string& picture_name, const Fonts& font) const {
  std::vector<Image> charts;
  for (const auto& target : targets_) {
    if (charts.size() == kMostCharts) break;
    const auto edits = target.search.scored();
    const auto choice = target.search.choose();
    ScatterChart chart;
    chart.title = picture_name + ": " + target.text;
    chart.x_label = "kept: " + kept_measure(target.original);
    chart.y_label = axis_title(choice.measure);
    chart.picked_name = "best candidates";
    chart.front_name = "Pareto front";
    chart.plain_name = "other candidates";
    for (const auto& judged : choice.judged) {
      const auto kind = judged.front      ? ChartPoint::Kind::front
                        : judged.eligible ? ChartPoint::Kind::plain
                                          : ChartPoint::Kind::aside;
      if (judged.tradeoff && !judged.eligible) chart.aside_name = "no change towards the prompt";
      const auto at = judged.tradeoff.value_or(Tradeoff{NAN, NAN});
      chart.points.push_back({at.kept, at.edit, kind, ""});
    }
    for (std::size_t i = 0; i < choice.best.size(); ++i) {
      auto& point = chart.points[choice.best[i].place];
      point.kind = ChartPoint::Kind::picked;
      point.label = std::to_string(i + 1);
    }
    chart.line = choice.front;
    if (const auto at = tradeoff_of(target.original, choice.measure)) {
      chart.reference = ChartPoint{at->kept, at->edit, ChartPoint::Kind::plain, "original"};
    }
    charts.push_back(draw_scatter_chart(chart, font));
  }
  return stacked(charts);
}

}  // namespace forgedit
