#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/pictures.h"
#include "apps/cli/scoring.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ScoredPicture {
  std::string name;
  int width, height;
  EditScores scores;
};

class ScoreCommand {
 public:
  void add_options(CLI::App& command);
  void run();

 private:
  void print_table(const std::vector<ScoredPicture>& pictures) const;
  void print_json(const std::vector<ScoredPicture>& pictures, const EditScorer& scorer,
                  const ScorerFiles& files) const;

  std::string original_, target_, source_;
  std::vector<std::string> edited_;
  std::array<std::uint8_t, 3> background_{255, 255, 255};
  std::string model_, device_ = "auto";
  ScoreOptions scoring_;
  bool json_ = false;
  Console console_;
};

constexpr const char* kFooter =
    "CLIP judges every picture at its own size, as the model prepares it. For LPIPS, PSNR and SSIM the "
    "original\n"
    "is first scaled (Lanczos) to the size of the edited picture.\n\n"
    "Example:\n"
    "  forgedit score dog.jpg out/*.png --target \"a dog jumping\" --source \"a dog sitting\" \\\n"
    "      --clip clip-vit-base-patch32 --lpips alexnet.safetensors lpips-alex.safetensors\n";

std::string metrics_help() {
  std::string text = "\nMetrics:\n";
  for (const auto& metric : edit_metrics()) {
    text += fmt::format("  {:15} {} is better: {}\n", metric.label,
                        metric.higher_is_better ? "higher" : "lower ", metric.summary);
  }
  return text;
}

void ScoreCommand::add_options(CLI::App& command) {
  command.add_option("ORIGINAL", original_, "the picture before the edit")->required();
  command.add_option("EDITED", edited_, "pictures to judge")->required();
  command.add_option("--target", target_, "what the edited pictures shall show")
      ->type_name("TEXT")
      ->required();
  command.add_option("--source", source_, "what the original shows: for the direction of the edit")
      ->type_name("TEXT");
  command
      .add_option_function<std::string>(
          "--background",
          [this](const std::string& text) { background_ = parse_colour("--background", text); },
          "colour under transparent pictures: #rrggbb, white, black or grey")
      ->type_name("COLOUR")
      ->default_str("white");
  command.add_flag("--json", json_, "print JSON instead of a table");
  add_score_options(command, scoring_);
  command.add_option("--model", model_, "look for clip/ in this model's folder [the miniature of forgedit]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Scores");
  command.add_option("--device", device_, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Scores");
  command.footer(kFooter + metrics_help());
}

void ScoreCommand::run() {
  require_text("--target", target_);
  const ComputePolicy policy{parse_device(device_), Precision::fp32};
  const auto original = read_picture(original_, background_);
  std::vector<Image> edited;
  for (const auto& path : edited_) edited.push_back(read_picture(path, background_));

  const auto files = find_scorer_files(scoring_, scorer_model_folder(model_));
  prepare_compute(policy);
  EditScorer scorer(files, policy.device);
  const auto reference =
      scorer.prepare(original, target_, source_.empty() ? std::nullopt : std::optional(source_));
  std::vector<ScoredPicture> pictures;
  for (std::size_t i = 0; i < edited.size(); ++i) {
    throw_if_stopped();
    const auto& picture = edited[i];
    pictures.push_back({fs::path(edited_[i]).filename().string(), picture.width, picture.height,
                        scorer.score(reference, picture)});
  }
  if (json_) {
    print_json(pictures, scorer, files);
  } else {
    note_left_out(scorer, console_);
    print_table(pictures);
  }
}

void ScoreCommand::print_table(const std::vector<ScoredPicture>& pictures) const {
  std::size_t name_width = 7;
  for (const auto& picture : pictures) name_width = std::max(name_width, picture.name.size());
  std::vector<const Metric*> columns;
  for (const auto& metric : edit_metrics()) {
    const auto has = [&](const ScoredPicture& picture) { return picture.scores.count(metric.key) > 0; };
    if (std::any_of(pictures.begin(), pictures.end(), has)) columns.push_back(&metric);
  }
  auto line = fmt::format("{:{}}  {:>11}", "picture", name_width, "compared at");
  for (const auto* metric : columns) line += "  " + metric_title(*metric);
  fmt::print("{}\n", line);
  for (const auto& picture : pictures) {
    line = fmt::format("{:{}}  {:>11}", picture.name, name_width,
                       fmt::format("{}x{}", picture.width, picture.height));
    for (const auto* metric : columns) {
      line += "  " + score_text(picture.scores, *metric);
    }
    fmt::print("{}\n", line);
  }
}

void ScoreCommand::print_json(const std::vector<ScoredPicture>& pictures, const EditScorer& scorer,
                              const ScorerFiles& files) const {
  auto list = json::array();
  for (const auto& picture : pictures) {
    list.push_back({{"file", picture.name},
                    {"width", picture.width},
                    {"height", picture.height},
                    {"scores", scores_json(picture.scores)}});
  }
  json result{{"original", fs::path(original_).filename().string()},
              {"target", target_},
              {"pictures", list},
              {"left_out", scorer.left_out()}};
  if (!source_.empty()) result["source"] = source_;
  if (!files.clip.empty()) result["clip"] = clip_name(files.clip);
  fmt::print("{}\n", json_text(result, 1));
}

}  // namespace

Command add_score_command(CLI::App& program) {
  const auto state = std::make_shared<ScoreCommand>();
  auto* command = program.add_subcommand("score", "Measure edits: CLIP, LPIPS, PSNR, SSIM.");
  state->add_options(*command);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
