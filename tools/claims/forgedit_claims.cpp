// Draws the method's claims out of runs of `forgedit bench miniedit`: for each a table, a figure, and numbers
// as JSON. tools/measure_claims.sh makes the runs.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/charts/line_chart.h"
#include "tools/claims/runs.h"

namespace {

namespace fs = std::filesystem;
using namespace forgedit;
using nlohmann::json;

/// Rows of a name and numbers.
class Table {
 public:
  struct Column {
    const char* key;
    const char* title;
    int digits;
    double factor = 1;
  };
  Table(std::string first, std::vector<Column> columns)
      : first_(std::move(first)), columns_(std::move(columns)) {}

  template <typename Value>
  void add(const std::string& name, Value value) {
    json row{{"name", name}};
    for (const auto& column : columns_) {
      const double number = value(column.key);
      if (std::isfinite(number)) row[column.key] = number;
    }
    rows_.push_back(std::move(row));
  }
  /// Without the columns that have no number.
  std::string markdown() const {
    std::vector<Column> shown;
    std::copy_if(columns_.begin(), columns_.end(), std::back_inserter(shown), [this](const Column& column) {
      return std::any_of(rows_.begin(), rows_.end(),
                         [&](const json& row) { return row.contains(column.key); });
    });
    std::ostringstream text;
    text << std::fixed << "| " << first_ << " |";
    for (const auto& column : shown) text << ' ' << column.title << " |";
    text << "\n|---|";
    for (std::size_t i = 0; i < shown.size(); ++i) text << "---:|";
    text << '\n';
    for (const auto& row : rows_) {
      text << "| " << row.at("name").get<std::string>() << " |";
      for (const auto& column : shown) {
        if (row.contains(column.key)) {
          text << ' ' << std::setprecision(column.digits) << column.factor * row.at(column.key).get<double>()
               << " |";
        } else {
          text << " – |";
        }
      }
      text << '\n';
    }
    return text.str();
  }
  const json& rows() const { return rows_; }

 private:
  std::string first_;
  std::vector<Column> columns_;
  json rows_ = json::array();
};

/// Only edits that ask for a style have the scores from subject to style.
const std::vector<Table::Column> kAnswers = {{"right", "right %", 0, 100},
                                             {"subject", "subject %", 0, 100},
                                             {"background", "background %", 0, 100},
                                             {"style", "style %", 0, 100},
                                             {"kept", "kept %", 0, 100},
                                             {"right_and_kept", "both %", 0, 100},
                                             {"truth_distance", "to truth", 2}};

std::vector<Table::Column> answers_and(std::vector<Table::Column> more) {
  more.insert(more.begin(), kAnswers.begin(), kAnswers.end());
  return more;
}

bool is_reconstruction(const RunPicture& picture) {
  return !picture.candidate;
}
RunFilter strategy_is(const std::string& name) {
  return [name](const RunPicture& picture) { return picture.candidate && picture.strategy == name; };
}
RunFilter strength_is(const std::string& strategy, double alpha, double strength) {
  return [=](const RunPicture& picture) {
    return picture.candidate && picture.strategy == strategy && std::abs(picture.alpha - alpha) < 1e-6 &&
           std::abs(picture.strength - strength) < 1e-6;
  };
}

template <typename Value>
std::vector<Value> distinct(const Run& run, const std::function<Value(const RunPicture&)>& of) {
  std::vector<Value> values;
  for (const auto& edit : run.edits) {
    for (const auto& picture : edit.pictures) {
      if (picture.candidate && !picture.strategy.empty() &&
          std::find(values.begin(), values.end(), of(picture)) == values.end())
        values.push_back(of(picture));
    }
  }
  return values;
}
std::vector<std::string> strategies(const Run& run) {
  return distinct<std::string>(run, [](const RunPicture& picture) { return picture.strategy; });
}
std::vector<double> strengths(const Run& run) {
  auto values = distinct<double>(run, [](const RunPicture& picture) { return picture.strength; });
  std::sort(values.begin(), values.end());
  return values;
}
std::vector<double> alphas(const Run& run) {
  return distinct<double>(run, [](const RunPicture& picture) { return picture.alpha; });
}

constexpr ChartSpan kPercent{0, 100};

/// The least and the greatest of a coordinate over all points.
std::pair<double, double> ends_of(const LineChart& chart, double ChartSeries::Point::*which) {
  double least = INFINITY, most = -INFINITY;
  for (const auto& series : chart.series) {
    for (const auto& point : series.points) {
      least = std::min(least, point.*which);
      most = std::max(most, point.*which);
    }
  }
  return {least, most};
}

std::string text_of(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

class Claims {
 public:
  Claims(fs::path runs, fs::path out, fs::path font)
      : runs_(std::move(runs)), out_(std::move(out)), font_(std::move(font)) {}

  void draw_all() {
    make_directory(out_);
    draw_joint();
    draw_interpolation();
    draw_strategies();
    draw_steps();
    draw_dreambooth();
    draw_automatic();
    if (numbers_.empty()) throw usage_error(runs_.string() + ": no finished runs there");
    write_file_atomically(out_ / "claims.json", numbers_.dump(1) + "\n");
  }

 private:
  std::optional<Run> run(const std::string& name) const {
    if (!fs::exists(runs_ / name / "scores.json")) return {};
    return read_run(runs_ / name);
  }

  void keep(const std::string& name, const Run& run, const Table& table, const LineChart& chart) {
    numbers_[name] = {{"edits", run.edits.size()}, {"rows", table.rows()}};
    const auto text = std::to_string(run.edits.size()) + " edits\n\n" + table.markdown();
    write_file_atomically(out_ / (name + ".md"), text);
    write_chart(name, chart);
    std::cout << name << ": " << text << '\n';
  }

  void write_chart(const std::string& name, const LineChart& chart) const {
    write_png(out_ / (name + ".png"), draw_line_chart(chart, font_));
  }

  /// Learning everything at once against Imagic's two stages: how well the picture is known, and when.
  void draw_joint() {
    const auto imagic = run("imagic"), sweep = run("sweep");
    if (!imagic || !sweep) return;
    const auto vanilla = sweep->only(imagic->ids());
    Table table("learning", {{"psnr", "reconstruction dB", 2},
                             {"ssim", "SSIM", 3},
                             {"seconds", "learning s", 2},
                             {"right", "right %", 0, 100},
                             {"kept", "kept %", 0, 100},
                             {"right_and_kept", "both %", 0, 100}});
    LineChart chart{"Joint learning and Imagic's two stages",
                    "seconds of learning",
                    "PSNR of the reconstruction, dB",
                    {}};
    for (const auto& [name, one] :
         {std::pair{"Forgedit, joint", &vanilla}, {"Imagic, two stages", &*imagic}}) {
      table.add(name, [&, one = one](const std::string& key) {
        if (key == "seconds") return one->median_learn_seconds();
        if (key == "psnr" || key == "ssim") return one->mean(key, is_reconstruction);
        return one->best(key);
      });
      ChartSeries series{name, {}, false};
      for (const auto& edit : one->edits) {
        for (const auto& picture : edit.pictures) {
          if (is_reconstruction(picture) && picture.scores.contains("psnr"))
            series.points.push_back({edit.learn_seconds, picture.scores.at("psnr"), ""});
        }
      }
      chart.series.push_back(std::move(series));
    }
    keep("joint", *imagic, table, chart);
  }

  /// What grows as edits grow stronger, and what is lost, in both interpolations.
  void draw_interpolation() {
    const auto vs = run("vs"), vp = run("vp");
    if (!vs || !vp) return;
    Table table("setting", answers_and({{"identity", "identity %", 0, 100},
                                        {"structure", "structure", 3},
                                        {"appearance", "appearance", 3}}));
    LineChart chart{"Vector subtraction and projection",
                    "edits that are right, %",
                    "identity held, %; points: γ or β",
                    {},
                    kPercent,
                    kPercent};
    const auto add = [&](const Run& one, double alpha, const std::string& name, const std::string& sign) {
      ChartSeries series{name, {}, true};
      for (const double strength : strengths(one)) {
        const auto filter = strength_is("donotforget", alpha, strength);
        table.add(name + ", " + sign + " " + text_of(strength),
                  [&](const std::string& key) { return one.mean(key, filter); });
        series.points.push_back(
            {100 * one.mean("right", filter), 100 * one.mean("identity", filter), text_of(strength)});
      }
      chart.series.push_back(std::move(series));
    };
    add(*vs, 0, "vs", "γ");
    for (const double alpha : alphas(*vp)) add(*vp, alpha, "vp, α " + text_of(alpha), "β");
    keep("interpolation", *vs, table, chart);
  }

  /// What of the picture stays when the encoder or the decoder forgets.
  void draw_strategies() {
    const auto sweep = run("sweep");
    if (!sweep || strategies(*sweep).size() < 2) return;
    Table table("strategy", answers_and({{"structure", "structure", 3}, {"appearance", "appearance", 3}}));
    LineChart chart{"What forgetting leaves of the original",
                    "structure: overlap of silhouettes",
                    "appearance: overlap of colours",
                    {}};
    ChartSeries encoder{"encoder forgotten", {}, false}, decoder{"decoder forgotten", {}, false},
        neither{"nothing forgotten", {}, false};
    for (const auto& name : strategies(*sweep)) {
      const auto filter = strategy_is(name);
      table.add(name, [&](const std::string& key) { return sweep->mean(key, filter); });
      auto& series = name.find("encoder") != std::string::npos   ? encoder
                     : name.find("decoder") != std::string::npos ? decoder
                                                                 : neither;
      series.points.push_back({sweep->mean("structure", filter), sweep->mean("appearance", filter), name});
    }
    chart.series = {encoder, decoder, neither};
    // One unit on both axes: what hardly differs shall look so.
    const auto [least_x, most_x] = ends_of(chart, &ChartSeries::Point::x);
    const auto [least_y, most_y] = ends_of(chart, &ChartSeries::Point::y);
    const double half = 0.6 * std::max(most_x - least_x, most_y - least_y);
    chart.x_span = ChartSpan{(least_x + most_x) / 2 - half, (least_x + most_x) / 2 + half};
    chart.y_span = ChartSpan{(least_y + most_y) / 2 - half, (least_y + most_y) / 2 + half};
    keep("strategies", *sweep, table, chart);
  }

  /// Learning too long, with and without forgetting. Runs are called steps-N, N samples, and with another
  /// learning rate than the published one steps-N-RATE.
  void draw_steps() {
    std::map<std::string, std::map<int, Run>> by_rate;
    for (const auto& name : list_directory(runs_)) {
      if (!name.starts_with("steps-")) continue;
      const auto samples = name.substr(6), rate = samples.substr(std::min(samples.find('-'), samples.size()));
      if (auto one = run(name)) by_rate[rate].emplace(std::atoi(samples.c_str()), std::move(*one));
    }
    for (const auto& [rate, by_samples] : by_rate) {
      if (by_samples.size() < 2) continue;
      Table table("learning, forgetting",
                  answers_and({{"structure", "structure", 3}, {"psnr", "reconstruction dB", 2}}));
      for (const auto& strategy : strategies(by_samples.begin()->second)) {
        const auto filter = strategy_is(strategy);
        for (const auto& [samples, one] : by_samples) {
          table.add(std::to_string(samples) + " samples, " + strategy,
                    [&, &one = one](const std::string& key) {
                      return key == "psnr" ? one.mean(key, is_reconstruction) : one.mean(key, filter);
                    });
        }
      }
      const auto& least = by_samples.begin()->second;
      keep("steps" + rate, least, table, chart_of_steps(by_samples, "right_and_kept", "right and kept, %"));
      if (!std::isfinite(least.mean("subject", strategy_is("donotforget")))) continue;
      write_chart("steps_subject" + rate, chart_of_steps(by_samples, "subject", "right subject, %"));
    }
  }
  static LineChart chart_of_steps(const std::map<int, Run>& by_samples, const std::string& key,
                                  const std::string& label) {
    LineChart chart{"Learning longer", "log2 of noisy samples learned from", label, {}, {}, kPercent};
    for (const auto& strategy : strategies(by_samples.begin()->second)) {
      ChartSeries series{strategy, {}, true};
      for (const auto& [samples, one] : by_samples) {
        series.points.push_back(
            {std::log2(samples), 100 * one.mean(key, strategy_is(strategy)), std::to_string(samples)});
      }
      chart.series.push_back(std::move(series));
    }
    return chart;
  }

  void draw_dreambooth() {
    const auto dreambooth = run("dreambooth"), sweep = run("sweep");
    if (!dreambooth || !sweep) return;
    const auto vanilla = sweep->only(dreambooth->ids());
    Table table("method, strategy, γ",
                answers_and({{"psnr", "reconstruction dB", 2}, {"seconds", "learning s", 2}}));
    LineChart chart{"DreamBoothForgedit", "γ", "right and kept, %", {}, {}, kPercent};
    for (const auto& [name, one] : {std::pair{"vanilla", &vanilla}, {"dreambooth", &*dreambooth}}) {
      for (const auto& strategy : strategies(*dreambooth)) {
        ChartSeries series{std::string(name) + ", " + strategy, {}, true};
        for (const double strength : strengths(*dreambooth)) {
          const auto filter = strength_is(strategy, 0, strength);
          table.add(series.name + ", " + text_of(strength), [&, one = one](const std::string& key) {
            if (key == "seconds") return one->median_learn_seconds();
            return key == "psnr" ? one->mean(key, is_reconstruction) : one->mean(key, filter);
          });
          series.points.push_back({strength, 100 * one->mean("right_and_kept", filter), ""});
        }
        chart.series.push_back(std::move(series));
      }
    }
    keep("dreambooth", *dreambooth, table, chart);
  }

  /// The automatic choice against one setting for all, and against who knows the answer.
  void draw_automatic() {
    const auto sweep = run("sweep");
    if (!sweep) return;
    Table table("chosen by", kAnswers);
    LineChart chart{"Who chooses", "right, %", "kept, %", {}, kPercent, kPercent};
    const auto add = [&](const std::string& name, auto value, const std::string& details = "") {
      table.add(name + details, value);
      chart.series.push_back({name, {{100 * value("right"), 100 * value("kept"), ""}}, false});
    };
    const auto add_filtered = [&](const std::string& name, const RunFilter& filter,
                                  const std::string& details = "") {
      if (!std::isfinite(sweep->mean("right", filter))) return;
      add(
          name, [&](const std::string& key) { return sweep->mean(key, filter); }, details);
    };
    add_filtered("the fixed default", [](const RunPicture& picture) { return picture.fixed; });
    std::string best;
    RunFilter best_filter;
    const auto rank = [&](const RunFilter& filter) {  // as forgedit/eval/answers.cpp
      return std::array{sweep->mean("right_and_kept", filter), sweep->mean("right", filter),
                        -sweep->mean("truth_distance", filter)};
    };
    for (const auto& strategy : strategies(*sweep)) {
      for (const double strength : strengths(*sweep)) {
        const auto filter = strength_is(strategy, 0, strength);
        if (!best_filter || rank(filter) > rank(best_filter)) {
          best = strategy + ", γ " + text_of(strength);
          best_filter = filter;
        }
      }
    }
    if (best_filter) add_filtered("the best fixed setting", best_filter, " (" + best + ")");
    add_filtered("the automatic choice", [](const RunPicture& picture) { return picture.chosen; });
    add("the true answer", [&](const std::string& key) { return sweep->best(key); });
    const double least =
        std::min(ends_of(chart, &ChartSeries::Point::x).first, ends_of(chart, &ChartSeries::Point::y).first);
    if (least >= 50) chart.x_span = chart.y_span = ChartSpan{50, 100};
    keep("automatic", *sweep, table, chart);
  }

  fs::path runs_, out_, font_;
  json numbers_ = json::object();
};

}  // namespace

int main(int argc, char** argv) {
  fs::path runs, out, font = "assets/fonts/DejaVuSans.ttf";
  CLI::App app("Tables and figures of the method's claims, out of runs of `forgedit bench miniedit`");
  app.add_option("--runs", runs, "folder with the runs of tools/measure_claims.sh")->required();
  app.add_option("--out", out, "folder for claims.json, tables and figures")->required();
  app.add_option("--font", font, "TrueType font")->capture_default_str();
  try {
    app.parse(argc, argv);
    Claims(runs, out, font).draw_all();
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return error.kind() == ErrorKind::usage ? 2 : 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
