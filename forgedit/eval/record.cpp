#include "forgedit/eval/record.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/json.h"
#include "forgedit/eval/answers.h"
#include "forgedit/eval/truth_scorer.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr const char* kRankedBy = "clip";

const char* state_name(EditRecord::State state) {
  switch (state) {
    case EditRecord::State::failed:
      return "failed";
    case EditRecord::State::skipped:
      return "skipped";
    case EditRecord::State::done:
      break;
  }
  return "done";
}

void add_setting(json& picture, const EditSetting& setting) {
  picture["strategy"] = setting.strategy;
  picture["interpolation"] = interpolation_name(setting.interpolation);
  if (setting.interpolation == Interpolation::vector_subtraction) {
    picture["gamma"] = setting.strength;
  } else {
    picture["alpha"] = setting.alpha;
    picture["beta"] = setting.strength;
  }
}

/// Returns nothing for records of earlier versions, which have only the setting's name.
std::optional<EditSetting> read_setting(const ConfigReader& picture) {
  EditSetting setting;
  setting.strategy = picture.text("strategy", "");
  if (setting.strategy.empty()) return {};
  const auto interpolation = picture.text("interpolation", {});
  if (interpolation != "vs" && interpolation != "vp") {
    picture.reject("interpolation", "expected vs or vp, found '" + interpolation + "'");
  }
  setting.interpolation = parse_interpolation(interpolation);
  if (setting.interpolation == Interpolation::vector_subtraction) {
    setting.strength = picture.number("gamma", {});
  } else {
    setting.alpha = picture.number("alpha", {});
    setting.strength = picture.number("beta", {});
  }
  return setting;
}

json picture_json(const PictureRecord& picture) {
  json scores = json::object();
  for (const auto& [key, value] : picture.scores) {
    scores[key] = std::isfinite(value) ? json(value) : json("inf");  // the PSNR of equal images
  }
  json result{{"file", picture.file},   {"label", picture.label},     {"candidate", picture.candidate},
              {"fixed", picture.fixed}, {"seconds", picture.seconds}, {"scores", scores}};
  if (picture.searched) result["searched"] = true;
  if (picture.chosen) result["chosen"] = true;
  if (!picture.setting.empty()) result["setting"] = picture.setting;
  if (picture.drawn_with) add_setting(result, *picture.drawn_with);
  return result;
}

/// Whether an image competes for the best. Images of the automatic choice do only if scored by a true answer,
/// which says what could have been reached; without one they would change the meaning of "best of N".
bool competes(const PictureRecord& picture) {
  return picture.candidate && (!picture.searched || picture.scores.count("right") > 0);
}

/// Returns the rank of a candidate, higher is better; nothing if unknown.
std::optional<std::array<double, 3>> rank_of(const PictureRecord& picture) {
  const auto& scores = picture.scores;
  if (!competes(picture)) return {};
  if (scores.count("right")) {
    return {{scores.at("right_and_kept"), scores.at("right"), -scores.at("truth_distance")}};
  }
  if (scores.count(kRankedBy)) return {{scores.at(kRankedBy), 0, 0}};
  return {};
}

/// Sums for the means of a column.
class Means {
 public:
  void add(const EditScores& scores, double seconds) {
    for (const auto& [key, value] : scores) {
      if (!std::isfinite(value)) continue;
      sums_[key] += value;
      ++counts_[key];
    }
    seconds_ += seconds;
    ++count_;
  }
  BenchSummary::Column column() const {
    BenchSummary::Column column;
    for (const auto& [key, sum] : sums_) column.scores[key] = sum / static_cast<double>(counts_.at(key));
    column.edits = count_;
    if (count_ > 0) column.seconds = seconds_ / static_cast<double>(count_);
    return column;
  }

 private:
  EditScores sums_;
  std::map<std::string, std::size_t> counts_;
  double seconds_ = 0;
  std::size_t count_ = 0;
};

/// Returns the mean over all images of an edit, because the first image of a batch has the time of the whole
/// batch.
double picture_seconds(const EditRecord& record) {
  double sum = 0;
  for (const auto& picture : record.pictures) sum += picture.seconds;
  return record.pictures.empty() ? 0 : sum / static_cast<double>(record.pictures.size());
}

/// Returns the mean time of an edit's automatic choice: fine-tuning, and all images that it generated.
double searched_seconds(const std::vector<EditRecord>& records) {
  double sum = 0;
  std::size_t edits = 0;
  for (const auto& record : records) {
    double seconds = 0;
    for (const auto& picture : record.pictures) seconds += picture.searched ? picture.seconds : 0;
    if (seconds == 0) continue;
    sum += record.learn_seconds + seconds;
    ++edits;
  }
  return edits == 0 ? 0 : sum / static_cast<double>(edits);
}

std::string scores_line(const EditScores& scores, const std::vector<Metric>& metrics) {
  std::string line;
  for (const auto& metric : metrics) {
    line += "  " + score_text(scores, metric);
  }
  return line;
}

std::string titles_line(const std::vector<Metric>& metrics) {
  std::string line;
  for (const auto& metric : metrics) line += "  " + metric_title(metric);
  return line;
}

/// Returns the metrics that any of `scores` has, in the order of tables.
std::vector<Metric> present(const std::vector<const EditScores*>& scores) {
  std::vector<Metric> metrics;
  for (const auto& metric : bench_metrics()) {
    const auto has = [&](const EditScores* s) { return s->count(metric.key) > 0; };
    if (std::any_of(scores.begin(), scores.end(), has)) metrics.push_back(metric);
  }
  return metrics;
}

}  // namespace

std::vector<Metric> bench_metrics() {
  const auto answers = truth_metrics(), others = edit_metrics();
  std::vector<Metric> metrics(answers.begin(), answers.end());
  metrics.insert(metrics.end(), others.begin(), others.end());
  return metrics;
}

const PictureRecord* EditRecord::best() const {
  const PictureRecord* best = nullptr;
  for (const auto& picture : pictures) {
    const auto rank = rank_of(picture);
    if (rank && (!best || *rank > *rank_of(*best))) best = &picture;
  }
  return best;
}

json to_json(const EditRecord& record) {
  json result{{"id", record.edit.id},
              {"picture", record.edit.picture_name},
              {"target", record.edit.target},
              {"source", record.source},
              {"state", state_name(record.state)}};
  if (!record.edit.category.empty()) result["category"] = record.edit.category;
  if (!record.edit.instruction.empty()) result["instruction"] = record.edit.instruction;
  if (!record.reason.empty()) result["reason"] = record.reason;
  if (record.state == EditRecord::State::done) {
    result["learn_seconds"] = record.learn_seconds;
    if (!record.scored_by.empty()) result["scored_by"] = record.scored_by;
    result["pictures"] = json::array();
    for (const auto& picture : record.pictures) result["pictures"].push_back(picture_json(picture));
  }
  return result;
}

json to_json(const BenchTimes& times) {
  return {{"learn_seconds", times.learning},
          {"draw_seconds", times.drawing},
          {"score_seconds", times.scoring},
          {"wait_for_scores_seconds", times.waiting}};
}

void read_pictures(const std::filesystem::path& file, EditRecord& record) {
  const auto object = read_json_object(file);
  const ConfigReader reader(file.string(), object);
  record.learn_seconds = reader.number("learn_seconds", {});
  record.scored_by = reader.text("scored_by", "");
  const auto list = object.find("pictures");
  if (list == object.end() || !list->is_array()) reader.reject("pictures", "expected a list");
  record.pictures.clear();
  for (const auto& item : *list) {
    const auto where = file.string() + ": picture " + std::to_string(record.pictures.size() + 1);
    const ConfigReader fields(where, item);
    PictureRecord picture;
    picture.file = fields.text("file", {});
    const std::filesystem::path name = picture.file;
    if (name.empty() || name.filename() != name || name == "." || name == "..") {
      fields.reject("file", "expected a file name without folders, found '" + picture.file + "'");
    }
    picture.label = fields.text("label", {});
    picture.candidate = fields.boolean("candidate", true);
    picture.fixed = fields.boolean("fixed", false);
    picture.searched = fields.boolean("searched", false);
    picture.chosen = fields.boolean("chosen", false);
    picture.setting = fields.text("setting", "");
    picture.drawn_with = read_setting(fields);
    picture.seconds = fields.number("seconds", {});
    const auto scores = item.find("scores");
    if (scores == item.end() || !scores->is_object()) fields.reject("scores", "expected an object");
    for (const auto& [key, value] : scores->items()) {
      if (!value.is_number() && value != "inf") fields.reject("scores", key + ": expected a number");
      picture.scores[key] = value.is_number() ? value.get<double>() : INFINITY;
    }
    record.pictures.push_back(std::move(picture));
  }
}

BenchSummary::Column mean_of(const std::vector<EditRecord>& records, const PictureFilter& filter) {
  Means edits;
  for (const auto& record : records) {
    Means pictures;
    for (const auto& picture : record.pictures) {
      if (filter(picture)) pictures.add(picture.scores, 0);
    }
    const auto column = pictures.column();
    if (column.edits > 0) edits.add(column.scores, record.learn_seconds + picture_seconds(record));
  }
  return edits.column();
}

BenchSummary summarise(const std::vector<EditRecord>& records) {
  BenchSummary summary;
  Means fixed, best;
  for (const auto& record : records) {
    summary.failed += record.state == EditRecord::State::failed;
    summary.skipped += record.state == EditRecord::State::skipped;
    if (record.state != EditRecord::State::done) continue;
    Means seeds;
    double candidates_seconds = 0;
    std::size_t candidates = 0;
    for (const auto& picture : record.pictures) {
      if (picture.fixed) seeds.add(picture.scores, 0);
      if (!competes(picture)) continue;
      candidates_seconds += picture.seconds;
      ++candidates;
    }
    summary.fewest = summary.done == 0 ? candidates : std::min(summary.fewest, candidates);
    summary.most = std::max(summary.most, candidates);
    ++summary.done;
    if (const auto column = seeds.column(); column.edits > 0) {
      fixed.add(column.scores, record.learn_seconds + picture_seconds(record));
    }
    if (const auto* chosen = record.best()) {
      best.add(chosen->scores, record.learn_seconds + candidates_seconds);
    }
  }
  summary.fixed = fixed.column();
  if (const auto column = best.column(); column.edits > 0) summary.best = column;
  if (const auto setting = best_setting(records); !setting.empty()) {
    summary.more.emplace_back(setting, mean_of(records, [&](const auto& picture) {
                                return picture.candidate && picture.setting == setting;
                              }));
  }
  auto chosen = mean_of(records, [](const auto& picture) { return picture.chosen; });
  if (chosen.edits > 0) {
    chosen.seconds = searched_seconds(records);
    summary.more.emplace_back("automatic", chosen);
  }
  return summary;
}

std::string summary_table(const BenchSummary& summary, const std::string& fixed_name) {
  std::vector<const EditScores*> all{&summary.fixed.scores};
  if (summary.best) all.push_back(&summary.best->scores);
  for (const auto& [name, column] : summary.more) all.push_back(&column.scores);
  const auto metrics = present(all);
  const bool timed = summary.fixed.seconds > 0 || (summary.best && summary.best->seconds > 0);
  std::size_t width = 15;
  for (const auto& [name, column] : summary.more) width = std::max(width, name.size());
  auto text = fmt::format("{:{}}  edits{}{}\n", "mean over edits", width, titles_line(metrics),
                          timed ? "  s/edit" : "");
  const auto row = [&](const std::string& name, const BenchSummary::Column& column) {
    text += fmt::format("{:{}}  {:5}{}{}\n", name, width, column.edits, scores_line(column.scores, metrics),
                        timed ? fmt::format("  {:6.1f}", column.seconds) : "");
  };
  row(fixed_name, summary.fixed);
  for (const auto& [name, column] : summary.more) row(name, column);
  if (summary.best) {
    row(summary.fewest == summary.most ? fmt::format("best of {}", summary.most)
                                       : fmt::format("best of {}-{}", summary.fewest, summary.most),
        *summary.best);
  }
  return text +
         fmt::format("{} done, {} failed, {} skipped\n", summary.done, summary.failed, summary.skipped);
}

std::string edits_table(const std::vector<EditRecord>& records) {
  std::vector<const EditScores*> all;
  for (const auto& record : records) {
    for (const auto& picture : record.pictures) all.push_back(&picture.scores);
  }
  const auto metrics = present(all);
  std::size_t width = 4;
  for (const auto& record : records) width = std::max(width, record.edit.id.size());
  auto text = fmt::format("{:{}}  protocol  {}\n", "edit", width, titles_line(metrics));
  for (const auto& record : records) {
    if (record.state != EditRecord::State::done) {
      text += fmt::format("{:{}}  {}: {}\n", record.edit.id, width, state_name(record.state), record.reason);
      continue;
    }
    const auto* best = record.best();
    for (const auto& picture : record.pictures) {
      std::vector<const char*> protocols;
      if (picture.fixed) protocols.push_back("fixed");
      if (picture.chosen) protocols.push_back("auto");
      if (&picture == best) protocols.push_back("best");
      if (protocols.empty()) continue;
      text += fmt::format("{:{}}  {:10}{}  {}\n", record.edit.id, width,
                          fmt::format("{}", fmt::join(protocols, "+")), scores_line(picture.scores, metrics),
                          picture.label);
    }
  }
  return text;
}

}  // namespace forgedit
