#include <spdlog/fmt/fmt.h>
#include <algorithm>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/cli/bench.h"
#include "apps/cli/captioning.h"
#include "apps/cli/edit_run.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/scoring.h"
#include "apps/cli/streams.h"
#include "apps/cli/sweep.h"
#include "forgedit/core/error.h"
#include "forgedit/eval/bench_runner.h"
#include "forgedit/eval/published.h"
#include "forgedit/eval/truth_scorer.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Kind {
  const char* name;
  const char* summary;
  const char* footer;
};

/// `bench tedbench`, `bench editeval` and `bench miniedit`.
class BenchRunCommand {
 public:
  explicit BenchRunCommand(const Kind& kind)
      : kind_(kind), tedbench_(&kind == &kTedbench), miniedit_(&kind == &kMiniedit) {}
  static const Kind kTedbench, kEditeval, kMiniedit;

  void add_options(CLI::App& command);
  void run();

 private:
  void check() const;
  BenchTask task_of(const BenchEdit& edit) const;
  std::vector<bool> fixed_of(const EditRequest& request, const std::vector<Candidate>& plan) const;
  void write_sources(Benchmark& benchmark, const ModelChoice& choice);
  json settings(const StableDiffusion& network, const ModelChoice& choice, const Benchmark& benchmark) const;
  std::vector<std::pair<std::string, std::string>> facts(const ModelChoice& choice,
                                                         const ScorerFiles& files) const;
  double fixed_strength(Interpolation interpolation) const;
  Benchmark read() const;
  MemoryTask need(const StableDiffusion& network) const;

  const Kind& kind_;
  bool tedbench_, miniedit_;
  std::string data_, out_;
  std::optional<PublishedReading> published_;
  std::map<std::pair<std::string, std::string>, PublishedEdit> published_edits_;
  std::optional<double> fixed_;
  std::int64_t limit_ = 0, every_ = 1;
  bool keep_learned_ = false, reconstruct_ = false, check_scorer_ = false, automatic_ = false;
  std::optional<std::size_t> auto_pictures_;
  std::set<fs::path> unreadable_;  ///< pictures that no captioner could look at
  std::string scorer_vae_;         // fingerprint of what judges true answers
  LearnArguments learning_;
  SweepArguments sweep_;
  DrawOptions drawing_;
  ModelOptions model_;
  ScoreOptions scoring_;
  Console console_;
};

const Kind BenchRunCommand::kTedbench{
    "tedbench", "Draw and score TEdBench: 100 edits of 40 pictures.",
    "DIR holds input_list.json and originals/, as published with Imagic. TEdBench has no source prompts.\n\n"
    "Every candidate of the sweep is drawn; two protocols come out side by side. Fixed: the first strategy "
    "and α,\n"
    "the strength nearest to --fixed, the mean over all seeds. Best of N: the candidate with the highest "
    "CLIP\n"
    "score. The same command goes on where it was stopped.\n\n"
    "--published vs|vp draws each edit with its published strategy and strengths. What textalpha 0.7 means "
    "in 78\n"
    "of the 100 published names is not known: vs takes it for an unused value, vp for the α of vector "
    "projection.\n"
    "Three edits used strategies that no released code has; they are left out.\n\n"
    "Example:\n"
    "  forgedit bench tedbench --data tedbench --model sd-1.4 --source \"a photo\" --seeds 0,1,2 \\\n"
    "      --clip clip-vit-base-patch32 --lpips alexnet.safetensors lpips-alex.safetensors\n"};

const Kind BenchRunCommand::kEditeval{
    "editeval", "Draw and score EditEval_v1: 50 edits of seven kinds.",
    "DIR holds editing_prompts_collection.xlsx and the folders of pictures, or Dataset/ with both, as "
    "published\n"
    "in SiatMMLab/Awesome-Diffusion-Model-Based-Image-Editing-Methods. Source prompts come from the sheet. "
    "The\n"
    "settings of the leaderboard's Forgedit entry are not published.\n\n"
    "Every candidate of the sweep is drawn; two protocols come out side by side. Fixed: the first strategy "
    "and α,\n"
    "the strength nearest to --fixed, the mean over all seeds. Best of N: the candidate with the highest "
    "CLIP\n"
    "score. The same command goes on where it was stopped.\n\n"
    "Example:\n"
    "  forgedit bench editeval --data EditEval_v1 --model sd-1.4 --seeds 0,1,2 \\\n"
    "      --clip clip-vit-base-patch32 --lpips alexnet.safetensors lpips-alex.safetensors\n"};

const Kind BenchRunCommand::kMiniedit{
    "miniedit", "Draw and score MiniEdit: edits whose true answers are known.",
    "DIR holds edits.json and the pictures that it names; docs/miniedit.md describes both, and the "
    "scorer.\n\n"
    "Every candidate of the sweep is drawn and held against the true answer: right where it is nearer to it "
    "than to\n"
    "the source and all distractors, kept where nothing else changed. Side by side: the fixed protocol (the "
    "first\n"
    "strategy and α, the strength nearest to --fixed, the mean over all seeds), the setting that is best for "
    "all\n"
    "edits together, and the best candidate of each edit. The same command goes on where it was stopped.\n\n"
    "Example:\n"
    "  forgedit bench miniedit --forget donotforget,encoderattn --gamma 0.6:1.4:0.2 --seeds 0,1\n"};

void BenchRunCommand::add_options(CLI::App& command) {
  auto* data = command.add_option("--data", data_, "the benchmark's folder")->type_name("DIR");
  if (miniedit_) {
    data->description("folder of edits with true answers [the one that ships with the program]");
    command.add_flag("--check-scorer", check_scorer_, "only show what the scorer makes of known answers");
  } else {
    data->required();
  }
  command
      .add_option(
          "--out", out_,
          std::string("folder for the run, which may hold an unfinished one [out/") + kind_.name + "]")
      ->type_name("DIR");
  command.add_option("--limit", limit_, "only the first edits of the benchmark")
      ->check(within(1, 10000))
      ->type_name("N");
  command.add_option("--every", every_, "only every Nth edit of the benchmark, from the first on")
      ->check(within(1, 10000))
      ->type_name("N");
  command.add_flag(
      "--auto", automatic_,
      "also let the automatic choice draw and choose, as `edit --auto` does without --forget and "
      "strengths; those given here are the fixed protocol's");
  command
      .add_option("--auto-pictures", auto_pictures_,
                  fmt::format("candidates of each edit for the automatic choice [{}]", kAutoPictures))
      ->check(within(1, 1000))
      ->type_name("N");
  command.add_flag("--keep-learned", keep_learned_, "keep what was learned of each picture");
  command.add_flag("--reconstruct", reconstruct_, "also draw every picture as learned, not edited");
  if (tedbench_) {
    command
        .add_option_function<std::string>(
            "--published", [this](const std::string& text) { published_ = parse_published_reading(text); },
            "each edit with its published settings, read as below")
        ->type_name("vs|vp");
  }
  command.add_option("--fixed", fixed_, "strength (γ or β) of the fixed protocol [1.0; vp: 1.2]")
      ->check(within(-100, 100))
      ->type_name("NUMBER");
  add_picture_options(command, learning_);
  command.remove_option(command.get_option("--save"));
  command.remove_option(command.get_option("--overwrite"));
  if (miniedit_) command.remove_option(command.get_option("--source"));
  add_sweep_options(command, sweep_);
  add_draw_options(command, drawing_);
  add_method_options(command, learning_);
  add_score_options(command, scoring_);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  command.footer(kind_.footer);
}

void BenchRunCommand::check() const {
  const bool imagic = learning_.options.method == LearnMethod::imagic;
  if (published_) {
    if (sweep_.preset != SweepArguments::Preset::none || sweep_.strategies || sweep_.interpolation ||
        sweep_.gammas || sweep_.alphas || sweep_.betas || fixed_) {
      throw usage_error(
          "--published has its own strategies and strengths: leave out --preset, --forget, "
          "--interpolation, --gamma, --alpha, --beta and --fixed");
    }
    if (learning_.options.method != LearnMethod::vanilla) {
      throw usage_error("--published belongs to --method vanilla");
    }
  }
  if (imagic && !learning_.source.empty()) {
    throw usage_error("--source has no place with --method imagic: it starts from the target");
  }
  if (auto_pictures_ && !automatic_) throw usage_error("--auto-pictures belongs to --auto");
  auto arguments = learning_;
  if (imagic || !tedbench_) arguments.source = "the benchmark's";
  check_learn_arguments(arguments);
}

double BenchRunCommand::fixed_strength(Interpolation interpolation) const {
  return fixed_.value_or(interpolation == Interpolation::vector_subtraction ? 1.0 : 1.2);
}

std::vector<bool> BenchRunCommand::fixed_of(const EditRequest& request,
                                            const std::vector<Candidate>& plan) const {
  const bool vs = request.interpolation == Interpolation::vector_subtraction;
  const double wanted = fixed_strength(request.interpolation);
  const auto& strengths = vs ? request.gammas : request.betas;
  const double nearest = *std::min_element(strengths.begin(), strengths.end(), [&](double a, double b) {
    return std::abs(a - wanted) < std::abs(b - wanted);
  });
  const auto is_edit = [](const Candidate& candidate) { return candidate.kind == Candidate::Kind::edit; };
  const auto& first = *std::find_if(plan.begin(), plan.end(), is_edit);
  std::vector<bool> fixed;
  for (const auto& candidate : plan) {
    fixed.push_back(is_edit(candidate) && candidate.strength == nearest &&
                    candidate.strategy == first.strategy && candidate.alpha == first.alpha);
  }
  return fixed;
}

BenchTask BenchRunCommand::task_of(const BenchEdit& edit) const {
  BenchTask task;
  task.edit = edit;
  task.source =
      learning_.options.method == LearnMethod::imagic ? edit.target : edit.source.value_or(learning_.source);
  auto request = make_request(sweep_, learning_.options.method, {edit.target});
  if (published_) {
    const auto found = published_edits_.find({edit.picture_name, edit.target});
    if (found == published_edits_.end()) {
      task.left_out = "no published settings";
    } else if (!has_released_strategy(found->second)) {
      task.left_out = "its strategy " + found->second.strategy + " is in no released code";
    } else {
      apply_published(found->second, *published_, request);
    }
  }
  // What cannot be read fails when its turn comes, and says why.
  if (task.source.empty() && !unreadable_.count(edit.picture)) task.left_out = "no source prompt";
  if (!task.left_out.empty()) return task;
  for (const auto& candidate : plan_edit({request})) {
    if (candidate.kind != Candidate::Kind::reconstruction || reconstruct_) task.plan.push_back(candidate);
  }
  task.fixed = fixed_of(request, task.plan);
  if (automatic_) {
    // Its own sweep, not the one of the fixed settings.
    SweepArguments own;
    own.automatic = true;
    own.interpolation = sweep_.interpolation;
    own.seeds = sweep_.seeds;
    own.repeat = sweep_.repeat;
    own.sample = sweep_.sample;
    own.steps = sweep_.steps;
    task.automatic = AutoTask{make_request(own, learning_.options.method, {edit.target}),
                              auto_pictures_.value_or(kAutoPictures)};
  }
  return task;
}

json BenchRunCommand::settings(const StableDiffusion& network, const ModelChoice& choice,
                               const Benchmark& benchmark) const {
  auto options = learning_.options;
  options.seed = sweep_.seeds.front();
  json result{{"benchmark", benchmark.name},
              {"model", {{"name", choice.name()}, {"fingerprint", network.base_fingerprint}}},
              {"precision", precision_name(choice.policy.precision)},
              {"source", learning_.source},
              {"background", learning_.background},
              {"learning", to_json(options)},
              {"sweep", sweep_json(make_request(sweep_, options.method, {}))},
              {"blend", drawing_.blend},
              {"fixed", fixed_ ? json(*fixed_) : json("default")},
              {"reconstruct", reconstruct_},
              {"automatic", automatic_ ? json(auto_pictures_.value_or(kAutoPictures)) : json("no")},
              {"published", !published_                                    ? "no"
                            : *published_ == PublishedReading::subtraction ? "vs"
                                                                           : "vp"}};
  if (!scorer_vae_.empty()) result["scorer"] = scorer_vae_;
  result["size"] = learning_.size ? json({learning_.size->first, learning_.size->second}) : json("own shape");
  return result;
}

std::vector<std::pair<std::string, std::string>> BenchRunCommand::facts(const ModelChoice& choice,
                                                                        const ScorerFiles& files) const {
  const auto request = make_request(sweep_, learning_.options.method, {});
  check_interpolation(sweep_, request.interpolation);
  const auto& o = learning_.options;
  std::vector<std::pair<std::string, std::string>> rows{
      {"model", choice.name() + " on " + describe_device(choice.policy.device)},
      {"learning", fmt::format("{}, {} samples in batches of {}, seed {}", learn_method_name(o.method),
                               o.samples, o.batch, sweep_.seeds.front())},
      {"drawing", fmt::format("{} {} steps, guidance {}", request.sample.steps,
                              sampler_name(request.sample.sampler), request.sample.guidance_scale)}};
  if (published_) {
    rows.emplace_back("settings", std::string("published, textalpha 0.7 read as ") +
                                      (*published_ == PublishedReading::subtraction ? "vs" : "vp"));
  } else {
    const bool vs = request.interpolation == Interpolation::vector_subtraction;
    rows.emplace_back("fixed protocol",
                      fmt::format("{}, {} nearest to {}, mean over the seeds", request.strategies.front(),
                                  vs ? "γ" : "β", fixed_strength(request.interpolation)));
  }
  if (!learning_.source.empty()) rows.emplace_back("source prompt of all pictures", learning_.source);
  if (!files.clip.empty()) rows.emplace_back("CLIP model", clip_name(files.clip));
  if (!scorer_vae_.empty()) rows.emplace_back("VAE of the scorer", scorer_vae_);
  return rows;
}

/// Where neither the benchmark nor the user says what a picture shows, a captioner does.
void BenchRunCommand::write_sources(Benchmark& benchmark, const ModelChoice& choice) {
  if (learning_.options.method == LearnMethod::imagic || !learning_.source.empty()) return;
  std::map<fs::path, std::string> captions;
  std::optional<Captioner> captioner;
  for (auto& edit : benchmark.edits) {
    if (edit.source || unreadable_.count(edit.picture)) continue;
    if (!captioner) {
      captioner =
          load_captioner(find_captioner(learning_.captioner, choice.folder, "--source TEXT is needed"),
                         choice.policy, console_);
    }
    auto caption = captions.find(edit.picture);
    if (caption == captions.end()) {
      Image picture;
      try {
        picture = read_image(edit.picture, learning_.background);
      } catch (const Error&) {
        unreadable_.insert(edit.picture);
        continue;
      }
      caption = captions.emplace(edit.picture, captioner->caption(picture)).first;
      console_.note(edit.picture_name + ": " + caption->second);
    }
    edit.source = source_prompt(caption->second, {edit.target});
  }
}

Benchmark BenchRunCommand::read() const {
  if (tedbench_) return read_tedbench(data_);
  if (miniedit_) return read_miniedit(data_.empty() ? find_assets() / "miniedit" : fs::path(data_));
  return read_editeval(data_);
}

/// Pictures in their own shapes have the model's own area.
MemoryTask BenchRunCommand::need(const StableDiffusion& network) const {
  const auto native = static_cast<int>(network.native_size());
  const auto [width, height] = learning_.size.value_or(std::pair(native, native));
  auto task = network.memory_task(width, height);
  add_learning(task, network, learning_.options);
  task.draw_batch = drawn_at_once(drawing_, network.policy);
  return task;
}

void BenchRunCommand::run() {
  check();
  auto benchmark = read();
  std::vector<BenchEdit> some;
  for (std::size_t i = 0; i < benchmark.edits.size(); i += static_cast<std::size_t>(every_)) {
    some.push_back(std::move(benchmark.edits[i]));
  }
  benchmark.edits = std::move(some);
  if (limit_ > 0 && benchmark.edits.size() > static_cast<std::size_t>(limit_)) {
    benchmark.edits.resize(static_cast<std::size_t>(limit_));
  }
  if (published_) published_edits_ = read_published(find_assets() / "tedbench" / "published.json");
  const auto folder = out_.empty() ? fs::path("out") / kind_.name : fs::path(out_);
  check_folder_can_be_made(folder);
  const auto choice = choose_model(model_, console_);
  std::optional<TruthScorer> truth;
  if (miniedit_) {
    prepare_compute(choice.policy, choice.threads);
    // Not the model's own: another model's pictures are judged by the same measure.
    auto vae = load_vae(find_assets() / "miniature" / "model" / "vae", choice.policy.device);
    truth.emplace(vae, choice.policy.device);
    scorer_vae_ = fingerprint(parameters_of(*vae));
    if (check_scorer_) {
      const auto table = check_truth_scorer(*truth, vae, benchmark,
                                            [&](const Progress& progress) { console_.progress(progress); });
      console_.end_stage();
      print(table);
      return;
    }
  }
  const ResultsFolder lock(folder);
  write_sources(benchmark, choice);
  std::vector<BenchTask> tasks;
  for (const auto& edit : benchmark.edits) tasks.push_back(task_of(edit));

  const auto files = find_scorer_files(scoring_, choice.folder);
  if (automatic_) require_clip(files, choice.folder, "--auto");
  auto network = load_model(choice, console_, [&](const StableDiffusion& loaded) { return need(loaded); });
  EditScorer scorer(files, choice.policy.device);
  note_left_out(scorer, console_);

  std::size_t finished = 0;
  BenchCallbacks callbacks;
  callbacks.background = learning_.background;
  callbacks.keep_learned = keep_learned_;
  callbacks.progress = [&](const Progress& progress) { console_.progress(progress); };
  callbacks.learn = [&](const BenchTask& task, const Image& picture, const fs::path& saved) {
    auto arguments = learning_;
    arguments.image = task.edit.picture.string();
    arguments.source = task.source;
    arguments.options.seed = sweep_.seeds.front();
    console_.note("learning " + task.edit.picture_name + ": " + task.source);
    prepare_learning(arguments, picture, choice);
    auto learned = picture_to_learn(arguments, picture, choice, network);
    learn_and_save(learned, arguments, choice, network, console_);
    write_saved_edit(saved, learned);
    return learned;
  };
  callbacks.text = [&](const LearnedPicture& learned, const Candidate& candidate) {
    return picture_text({{}, drawing_, learned, choice.name(), choice.policy, false}, candidate);
  };
  if (truth) {
    callbacks.judge = [&](const BenchEdit& edit) {
      return [&scorer = *truth, reference = truth->prepare(edit)](const Image& picture) {
        return scorer.score(reference, picture);
      };
    };
  }
  callbacks.on_edit = [&](const EditRecord& record) {
    console_.end_stage();
    const auto state = record.state == EditRecord::State::done     ? "done"
                       : record.state == EditRecord::State::failed ? "failed: " + record.reason
                                                                   : "left out: " + record.reason;
    console_.note(fmt::format("{}/{} {}: {}", ++finished, tasks.size(), record.edit.id, state));
  };
  BenchRunner runner(network, scorer, drawing_, folder, settings(network, choice, benchmark),
                     std::move(callbacks));
  BenchReport report{benchmark.name,
                     "Forgedit with " + choice.name(),
                     published_ ? "published settings" : "fixed protocol",
                     facts(choice, files),
                     runner.run(tasks),
                     folder / "edits",
                     learning_.background};
  if (network.memory.budget_gib > 0) report.facts.emplace_back("memory", describe(network.memory));
  write_bench_results(folder, report, console_);
  throw_if_failed(report.records);
}

void add_run_command(CLI::App& bench, const Kind& kind, const BenchChosen& chosen) {
  const auto state = std::make_shared<BenchRunCommand>(kind);
  auto* command = bench.add_subcommand(kind.name, kind.summary);
  state->add_options(*command);
  command->callback([state, chosen] { chosen([state] { state->run(); }); });
}

}  // namespace

void add_bench_run_commands(CLI::App& bench, const BenchChosen& chosen) {
  for (const auto* kind :
       {&BenchRunCommand::kTedbench, &BenchRunCommand::kEditeval, &BenchRunCommand::kMiniedit}) {
    add_run_command(bench, *kind, chosen);
  }
}

}  // namespace forgedit::cli
