#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/console.h"
#include "apps/cli/learn_options.h"
#include "apps/cli/model_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "forgedit/jobs/small_jobs.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit::cli {
namespace {

using nlohmann::json;

class ScoreCommand {
 public:
  void add_options(CLI::App& command);
  void run();

 private:
  void print_table(const std::vector<ScoredPicture>& pictures) const;
  void print_json(const Scoring& scoring) const;

  std::string original_;
  std::vector<std::string> edited_;
  ScoreRequest request_;
  ModelRequest model_;
  bool json_ = false;
  Console console_;
};

constexpr const char* kScoreFooter =
    "CLIP gets every image at its own size, with the model's own preprocessing. For LPIPS, PSNR and\n"
    "SSIM the original is first scaled (Lanczos) to the size of the edited image.\n"
    "\n"
    "Example:\n"
    "  forgedit score dog.jpg out/*.png --target \"a dog jumping\" --source \"a dog sitting\" \\\n"
    "      --clip openai/clip-vit-base-patch32 --lpips alexnet.safetensors lpips-alex.safetensors\n";

std::string metrics_help() {
  std::string text = "\nMetrics:\n";
  for (const auto& metric : edit_metrics()) {
    text += fmt::format("  {:15} {} is better: {}\n", metric.label,
                        metric.higher_is_better ? "higher" : "lower ", metric.summary);
  }
  return text;
}

void ScoreCommand::add_options(CLI::App& command) {
  command.add_option("ORIGINAL", original_, "the original picture")->type_name("FILE")->required();
  command.add_option("EDITED", edited_, "edited images")->type_name("FILE")->required();
  command.add_option("--target", request_.target, "prompt of the edit")->type_name("TEXT")->required();
  command.add_option("--source", request_.source, "caption of the original, needed for CLIP direction")
      ->type_name("TEXT");
  add_background_option(command, request_.background);
  command.add_flag("--json", json_, "print the scores as one JSON object instead of a table");
  add_score_options(command, request_.judge);
  command.add_option("--model", model_.model, "model folder whose clip/ is used [the miniature]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Scores");
  add_device_option(command, model_.device, "Scores");
  command.footer(kScoreFooter + metrics_help());
}

void ScoreCommand::run() {
  request_.original = original_;
  request_.edited.assign(edited_.begin(), edited_.end());
  const auto places = find_places();
  JobContext context(places, console_, program_stop());
  WarmModels models(model_, /*keep=*/false);
  const auto scoring = run_score(request_, models, context);
  if (json_) {
    print_json(scoring);
    return;
  }
  print_table(scoring.pictures);
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

void ScoreCommand::print_json(const Scoring& scoring) const {
  auto list = json::array();
  for (const auto& picture : scoring.pictures) list.push_back(scored_json(picture));
  json result{{"original", request_.original.filename().string()},
              {"target", request_.target},
              {"pictures", list},
              {"left_out", scoring.skipped}};
  if (!request_.source.empty()) result["source"] = request_.source;
  if (!scoring.files.clip.empty()) result["clip"] = clip_name(scoring.files.clip);
  fmt::print("{}\n", json_text(result, 1));
}

}  // namespace

Command add_score_command(CLI::App& program) {
  const auto state = std::make_shared<ScoreCommand>();
  auto* command = program.add_subcommand("score", "Score edited images: CLIP, LPIPS, PSNR, SSIM.");
  state->add_options(*command);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
