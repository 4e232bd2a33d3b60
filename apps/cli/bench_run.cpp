#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "apps/cli/bench.h"
#include "apps/cli/console.h"
#include "apps/cli/learn_options.h"
#include "apps/cli/model_options.h"
#include "apps/cli/preset_option.h"
#include "apps/cli/sweep_options.h"
#include "apps/common/exit_codes.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "apps/common/scheduler.h"
#include "apps/common/streams.h"
#include "apps/common/worker_listener.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/device/device.h"
#include "forgedit/eval/benchmark_job.h"
#include "forgedit/jobs/supervise.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/choice/auto_search.h"

namespace forgedit::cli {
namespace {

struct Kind {
  BenchmarkRequest::Kind kind;
  const char* summary;
  const char* about;
  const char* more;  ///< text after the two protocols; empty: the protocols are not described
};

constexpr const char* kTwoProtocols =
    "The program generates every candidate of the sweep and reports two protocols. Fixed: the first\n"
    "strategy and α, the strength nearest to --fixed, the mean over all seeds. Best of N: the candidate\n"
    "with the highest CLIP score. The same command resumes a stopped run, and shares the work of a\n"
    "running one.\n"
    "\n";

const Kind kTedbench{
    BenchmarkRequest::Kind::tedbench, "Generate and score TEdBench: 100 edits of 40 pictures.",
    "The folder of --data contains input_list.json and originals/, as published with Imagic. TEdBench has\n"
    "no source prompts.\n"
    "\n",
    "--published vs|vp generates each edit with its published strategy and strengths. What textalpha\n"
    "0.7 means in 78 of the 100 published names is not known: with vs it is an unused value, with vp\n"
    "the α of vector projection. Three edits used strategies that no released code has; they are\n"
    "skipped.\n"
    "\n"
    "Example:\n"
    "  forgedit bench tedbench --data tedbench --source \"a photo\" --seeds 0,1,2 \\\n"
    "      --model CompVis/stable-diffusion-v1-4 --clip openai/clip-vit-base-patch32 \\\n"
    "      --lpips alexnet.safetensors lpips-alex.safetensors\n"};

const Kind kEditeval{
    BenchmarkRequest::Kind::editeval, "Generate and score EditEval_v1: 50 edits of seven kinds.",
    "The folder of --data contains editing_prompts_collection.xlsx and the folders of pictures, or\n"
    "Dataset/ with both, as published in\n"
    "SiatMMLab/Awesome-Diffusion-Model-Based-Image-Editing-Methods. Source prompts come from the sheet.\n"
    "The settings of the leaderboard's Forgedit entry are not published.\n"
    "\n",
    "Example:\n"
    "  forgedit bench editeval --data EditEval_v1 --seeds 0,1,2 \\\n"
    "      --model CompVis/stable-diffusion-v1-4 --clip openai/clip-vit-base-patch32 \\\n"
    "      --lpips alexnet.safetensors lpips-alex.safetensors\n"};

const Kind kMiniedit{
    BenchmarkRequest::Kind::miniedit, "Generate and score MiniEdit: edits whose true answers are known.",
    "The folder of --data contains edits.json and the pictures that it names; docs/miniedit.md describes\n"
    "both, and the scorer.\n"
    "\n"
    "The program generates every candidate of the sweep and compares it with the true answer. A\n"
    "candidate is right if it is nearer to the true answer than to the source and all distractors, and\n"
    "kept if nothing else changed. The report has these protocols: fixed (the first strategy and α, the\n"
    "strength nearest to --fixed, the mean over all seeds), the setting that is best for all edits\n"
    "together, the best candidate of each edit and, with --auto, the automatic choice. The same command\n"
    "resumes a stopped run.\n"
    "\n"
    "Example:\n"
    "  forgedit bench miniedit --forget donotforget,encoderattn --gamma 0.6:1.4:0.2 --seeds 0,1\n",
    ""};

const Kind kMinieditS{
    BenchmarkRequest::Kind::miniedit_s,
    "Generate and score MiniEdit-S: MiniEdit in styles that the miniature never saw.",
    "The folder of --data contains edits.json and the pictures that it names; docs/miniedit.md describes\n"
    "both, and the scorer. An edit is right if its subject, background and style are right: it is nearer\n"
    "to the true answer than to the source, to all distractors and to the true answer in other styles,\n"
    "and has the right background. All else is as in `bench miniedit`.\n"
    "\n"
    "Example:\n"
    "  forgedit bench miniedit-s --every 6 --samples 1600\n",
    ""};

/// The commands `bench tedbench`, `bench editeval`, `bench miniedit` and `bench miniedit-s`.
class BenchRunCommand {
 public:
  explicit BenchRunCommand(const Kind& kind) : kind_(kind) { request_.kind = kind.kind; }

  void add_options(CLI::App& command);
  void run();

 private:
  void run_workers(const Places& places);
  bool is_tedbench() const { return kind_.kind == BenchmarkRequest::Kind::tedbench; }
  bool has_answers() const {
    return kind_.kind == BenchmarkRequest::Kind::miniedit || kind_.kind == BenchmarkRequest::Kind::miniedit_s;
  }

  const Kind& kind_;
  std::string data_, out_;
  bool check_scorer_ = false;
  BenchmarkRequest request_;
  ModelRequest model_;
  WorkerCount workers_;
  Console console_;
};

void BenchRunCommand::add_options(CLI::App& command) {
  add_preset_option(command, request_.sweep);
  auto* data = command.add_option("--data", data_, "folder of the benchmark")->type_name("DIR");
  if (has_answers()) {
    data->description("folder of edits with true answers [the one that ships with the program]");
    command.add_flag("--check-scorer", check_scorer_, "only test the scorer on known answers");
  } else {
    data->required();
  }
  command
      .add_option("--out", out_,
                  std::string("folder for the run; an unfinished run in it is resumed [out/") +
                      benchmark_name(kind_.kind) + "]")
      ->type_name("DIR");
  command.add_option("--limit", request_.limit, "only the first N edits of the benchmark [all]")
      ->check(within(1, 10000))
      ->type_name("N");
  command
      .add_option("--every", request_.every,
                  "only every Nth edit of the benchmark, starting at the first [1]")
      ->check(within(1, 10000))
      ->type_name("N");
  command.add_flag("--auto", request_.automatic,
                   "add the automatic choice, as `edit --auto` without --forget and strengths; those given "
                   "here are for the fixed protocol only");
  command
      .add_option("--auto-pictures", request_.auto_pictures,
                  fmt::format("candidates per edit for the automatic choice [{}]", kAutoPictures))
      ->check(within(1, 1000))
      ->type_name("N");
  command
      .add_option("--auto-steps", request_.auto_steps,
                  fmt::format("sampling steps of these candidates; the best three are generated again with "
                              "--steps if that is more [{}]",
                              kAutoSteps))
      ->check(within(1, kMaxSteps))
      ->type_name("N");
  add_worker_options(command, workers_);
  command.add_flag("--keep-learned", request_.keep_learned, "keep the learned weights of each picture");
  command.add_flag("--reconstruct", request_.reconstruct,
                   "also generate the reconstruction of each picture, without an edit");
  if (is_tedbench()) {
    command
        .add_option_function<std::string>(
            "--published",
            [this](const std::string& text) { request_.published = parse_published_reading(text); },
            "use each edit's published settings, interpreted as explained below")
        ->type_name("vs|vp");
  }
  command.add_option("--fixed", request_.fixed, "strength (γ or β) of the fixed protocol [1.0; vp: 1.2]")
      ->check(within(-100, 100))
      ->type_name("NUMBER");
  add_picture_options(command, request_.learn);
  command.remove_option(command.get_option("--save"));
  command.remove_option(command.get_option("--overwrite"));
  if (has_answers()) command.remove_option(command.get_option("--source"));
  add_sweep_options(command, request_.sweep);
  add_draw_options(command, request_.drawing);
  add_method_options(command, request_.learn);
  add_score_options(command, request_.judge);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  command.footer(*kind_.more ? std::string(kind_.about) + kTwoProtocols + kind_.more : kind_.about);
}

/// Starts worker processes. They write the report; the last one to end writes all of it.
void BenchRunCommand::run_workers(const Places& places) {
  const auto codes = supervise(worker_commands(workers_, static_cast<std::size_t>(gpu_count())), {},
                               program_stop(), console_, benchmark_progress(request_, places));
  const auto ended = [&](int code) { return std::count(codes.begin(), codes.end(), code) > 0; };
  if (!ended(kDone) && !ended(kSomeFailed)) {
    throw failure("no worker can continue: see their messages above");
  }
  print(read_file(request_.out / "table.txt"));
  if (!ended(kDone)) throw ExitWith(kSomeFailed, "some edits failed: see table.txt");
}

void BenchRunCommand::run() {
  request_.data = data_;
  request_.out =
      out_.empty() ? std::filesystem::path("out") / benchmark_name(kind_.kind) : std::filesystem::path(out_);
  const auto places = find_places();
  if (workers_.is_many() && !check_scorer_) return run_workers(places);
  std::tie(request_.work.place, request_.work.places) = worker_place(workers_);
  request_.work.worker = this_worker(scheduler_job().job, scheduler_job().restarts);
  if (!workers_.is_child()) say_which_model(model_, console_);
  std::optional<WorkerListener> quiet;
  JobContext context(places, workers_.is_child() ? static_cast<JobListener&>(quiet.emplace()) : console_,
                     program_stop());
  WarmModels models(model_, /*keep=*/false);
  if (check_scorer_) {
    print(check_scorer(request_, models, context));
    return;
  }
  const auto report = [&] {
    try {
      return run_benchmark(request_, models, context);
    } catch (const WorkerBroken& broken) {
      throw ExitWith(kWorkLeft, broken.what());
    }
  }();
  if (!workers_.is_child()) print(bench_summary(report));
  write_bench_results(request_.out, report, context);
  throw_if_failed(report.records);
}

void add_run_command(CLI::App& bench, const Kind& kind, const BenchChosen& chosen) {
  const auto state = std::make_shared<BenchRunCommand>(kind);
  auto* command = bench.add_subcommand(benchmark_name(kind.kind), kind.summary);
  state->add_options(*command);
  command->callback([state, chosen] { chosen([state] { state->run(); }); });
}

}  // namespace

void add_bench_run_commands(CLI::App& bench, const BenchChosen& chosen) {
  for (const auto* kind : {&kTedbench, &kEditeval, &kMiniedit, &kMinieditS})
    add_run_command(bench, *kind, chosen);
}

}  // namespace forgedit::cli
