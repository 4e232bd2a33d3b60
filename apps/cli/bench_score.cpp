#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/bench.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/scoring.h"
#include "forgedit/core/error.h"
#include "forgedit/eval/bench_runner.h"
#include "forgedit/eval/found_pictures.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

struct BenchScoreCommand {
  std::string results, data, set, out, model, device = "auto";
  std::array<std::uint8_t, 3> background{255, 255, 255};
  ScoreOptions scoring;

  void run() const;
};

constexpr const char* kFooter =
    "Which edit a picture is of is told by its file name: it holds the target text and the original's name, "
    "as\n"
    "in the published sets of Imagic and of Forgedit; or, for EditEval_v1, it has the original's own "
    "place.\n\n"
    "Example:\n"
    "  forgedit bench score --data tedbench --results tedbench/imagic --set \"Imagic, November 2022\" \\\n"
    "      --clip clip-vit-base-patch32 --lpips alexnet.safetensors lpips-alex.safetensors\n";

std::string folder_name(const fs::path& folder) {
  const auto path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

void BenchScoreCommand::run() const {
  Console console;
  const ComputePolicy policy{parse_device(device), Precision::fp32};
  const auto benchmark = read_benchmark(data);
  const auto found = find_pictures(benchmark, results);
  for (const auto& file : found.unmatched) {
    console.note("no edit has this picture: " + file.lexically_relative(results).string());
  }
  const auto name = set.empty() ? folder_name(results) : set;
  const auto folder = out.empty() ? fs::path("out") / ("scores-" + slug(name)) : fs::path(out);
  check_folder_can_be_made(folder);
  prepare_compute(policy);
  const auto files = find_scorer_files(scoring, scorer_model_folder(model));
  EditScorer scorer(files, policy.device);
  note_left_out(scorer, console);

  BenchReport report{benchmark.name, name, "pictures given", {}, {}, {}, background};
  if (!files.clip.empty()) report.facts.emplace_back("CLIP model", clip_name(files.clip));
  const auto total = static_cast<std::int64_t>(benchmark.edits.size());
  for (std::size_t i = 0; i < benchmark.edits.size(); ++i) {
    if (found.by_edit[i].empty()) {
      EditRecord missing;
      missing.edit = benchmark.edits[i];
      missing.state = EditRecord::State::left_out;
      missing.reason = "no picture of it in the set";
      report.records.push_back(std::move(missing));
    } else {
      report.records.push_back(score_pictures(scorer, benchmark.edits[i], found.by_edit[i], background));
    }
    console.progress({"scoring", static_cast<std::int64_t>(i) + 1, total, 0.0});
  }
  console.end_stage();
  write_bench_results(folder, report, console);
  throw_if_failed(report.records);
}

}  // namespace

void add_bench_score_command(CLI::App& bench, const BenchChosen& chosen) {
  const auto state = std::make_shared<BenchScoreCommand>();
  auto* command = bench.add_subcommand("score", "Score a benchmark's pictures that were made elsewhere.");
  command->add_option("--results", state->results, "folder with the edited pictures")
      ->type_name("DIR")
      ->required();
  command->add_option("--data", state->data, "the benchmark: TEdBench or EditEval_v1")
      ->type_name("DIR")
      ->required();
  command->add_option("--set", state->set, "what the set is called [the folder's name]")->type_name("NAME");
  command->add_option("--out", state->out, "folder for table and report [out/scores-NAME]")->type_name("DIR");
  command
      ->add_option_function<std::string>(
          "--background",
          [state](const std::string& text) { state->background = parse_colour("--background", text); },
          "colour under transparent pictures: #rrggbb, white, black or grey")
      ->type_name("COLOUR")
      ->default_str("white");
  add_score_options(*command, state->scoring);
  command->add_option("--model", state->model, "look for clip/ in this model's folder [the miniature]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Scores");
  command->add_option("--device", state->device, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Scores");
  command->footer(kFooter);
  command->callback([state, chosen] { chosen([state] { state->run(); }); });
}

}  // namespace forgedit::cli
