#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/bench.h"
#include "apps/cli/console.h"
#include "apps/cli/learn_options.h"
#include "apps/cli/model_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "apps/common/streams.h"
#include "forgedit/eval/benchmark_job.h"
#include "forgedit/eval/edit_scoring.h"
#include "forgedit/eval/found_pictures.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/scoring.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

struct BenchScoreCommand {
  std::string results, data, set, out;
  ModelRequest model;
  std::array<std::uint8_t, 3> background = kWhite;
  ScoreFiles scoring;

  void run() const;
};

constexpr const char* kBenchScoreFooter =
    "The file name of an image determines its edit: it contains the prompt and the original's name, as\n"
    "in the published sets of Imagic and of Forgedit; or, for EditEval_v1, it is the path of the\n"
    "original.\n"
    "\n"
    "Example:\n"
    "  forgedit bench score --data tedbench --results tedbench/imagic --set \"Imagic, November 2022\" \\\n"
    "      --clip openai/clip-vit-base-patch32 --lpips alexnet.safetensors lpips-alex.safetensors\n";

std::string folder_name(const fs::path& folder) {
  const auto path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

void BenchScoreCommand::run() const {
  Console console;
  const auto places = find_places();
  JobContext context(places, console, program_stop());
  const auto benchmark = read_benchmark(data);
  const auto found = find_pictures(benchmark, results);
  for (const auto& file : found.unmatched) {
    context.note("skipped, belongs to no edit: " + file.lexically_relative(results).string());
  }
  const auto name = set.empty() ? folder_name(results) : set;
  const auto folder = out.empty() ? fs::path("out") / ("scores-" + slug(name)) : fs::path(out);
  check_folder_can_be_made(folder);
  WarmModels models(model, /*keep=*/false);
  const auto& choice = models.choice(context);
  prepare_compute(choice.policy, choice.threads);
  const auto files = find_scorer_files(scoring, choice.folder, places);
  auto& scorer = models.judge(files, choice.policy.device);
  note_skipped(scorer.skipped(), context);

  BenchReport report{benchmark.name, name, "pictures given", {}, {}, {}, background};
  if (!files.clip.empty()) report.facts.emplace_back("CLIP model", clip_name(files.clip));
  const auto total = static_cast<std::int64_t>(benchmark.edits.size());
  for (std::size_t i = 0; i < benchmark.edits.size(); ++i) {
    if (found.by_edit[i].empty()) {
      EditRecord missing;
      missing.edit = benchmark.edits[i];
      missing.state = EditRecord::State::skipped;
      missing.reason = "the set has no image of it";
      report.records.push_back(std::move(missing));
    } else {
      report.records.push_back(score_pictures(scorer, benchmark.edits[i], found.by_edit[i], background));
    }
    context.progress({"scoring", static_cast<std::int64_t>(i) + 1, total, 0.0});
  }
  context.end_stage();
  print(bench_summary(report));
  write_bench_results(folder, report, context);
  throw_if_failed(report.records);
}

}  // namespace

void add_bench_score_command(CLI::App& bench, const BenchChosen& chosen) {
  const auto state = std::make_shared<BenchScoreCommand>();
  auto* command = bench.add_subcommand("score", "Score a benchmark's images made by other programs.");
  command->add_option("--results", state->results, "folder with the edited images")
      ->type_name("DIR")
      ->required();
  command->add_option("--data", state->data, "folder of the benchmark: TEdBench or EditEval_v1")
      ->type_name("DIR")
      ->required();
  command->add_option("--set", state->set, "name of the set [the folder's name]")->type_name("NAME");
  command->add_option("--out", state->out, "folder for table and report [out/scores-NAME]")->type_name("DIR");
  add_background_option(*command, state->background);
  add_score_options(*command, state->scoring);
  command->add_option("--model", state->model.model, "model folder whose clip/ is used [the miniature]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Scores");
  add_device_option(*command, state->model.device, "Scores");
  command->footer(kBenchScoreFooter);
  command->callback([state, chosen] { chosen([state] { state->run(); }); });
}

}  // namespace forgedit::cli
