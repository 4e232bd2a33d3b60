#include "forgedit/eval/benchmark_job.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/eval/bench_runner.h"
#include "forgedit/eval/truth_scorer.h"
#include "forgedit/jobs/edit_notes.h"
#include "forgedit/jobs/edit_record.h"
#include "forgedit/jobs/learning.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::seconds kBetweenLooks{2};

Benchmark read(const BenchmarkRequest& request, const Places& places) {
  switch (request.kind) {
    case BenchmarkRequest::Kind::tedbench:
      return read_tedbench(request.data);
    case BenchmarkRequest::Kind::editeval:
      return read_editeval(request.data);
    case BenchmarkRequest::Kind::miniedit:
    case BenchmarkRequest::Kind::miniedit_s:
      break;
  }
  return read_miniedit(request.data.empty() ? assets_of(places) / benchmark_name(request.kind)
                                            : request.data);
}

Benchmark read_chosen(const BenchmarkRequest& request, const Places& places) {
  auto benchmark = read(request, places);
  std::vector<BenchEdit> some;
  for (std::size_t i = 0; i < benchmark.edits.size(); i += static_cast<std::size_t>(request.every)) {
    some.push_back(std::move(benchmark.edits[i]));
  }
  benchmark.edits = std::move(some);
  if (request.limit > 0 && benchmark.edits.size() > static_cast<std::size_t>(request.limit)) {
    benchmark.edits.resize(static_cast<std::size_t>(request.limit));
  }
  return benchmark;
}

/// One benchmark job from request to report.
class BenchmarkRun {
 public:
  BenchmarkRun(BenchmarkRequest request, WarmModels& models, JobContext& context)
      : request_(std::move(request)), models_(models), context_(context) {}
  BenchReport run();
  std::string check_scorer();

 private:
  bool is_tedbench() const { return request_.kind == BenchmarkRequest::Kind::tedbench; }
  bool has_answers() const { return !is_tedbench() && request_.kind != BenchmarkRequest::Kind::editeval; }
  void check() const;
  void follow_the_model();
  AutoencoderKL load_truth_scorer();
  BenchTask task_of(const BenchEdit& edit) const;
  std::vector<bool> fixed_of(const EditRequest& request, const std::vector<Candidate>& plan) const;
  void write_sources(Benchmark& benchmark);
  json settings(const StableDiffusion& network, const ModelChoice& choice, const Benchmark& benchmark) const;
  std::vector<std::pair<std::string, std::string>> facts(const ModelChoice& choice,
                                                         const ScorerFiles& files) const;
  double fixed_strength(Interpolation interpolation) const;
  MemoryTask need(const StableDiffusion& network) const;
  BenchCallbacks callbacks(const ModelChoice& choice, StableDiffusion& network, std::size_t tasks);

  BenchmarkRequest request_;
  WarmModels& models_;
  JobContext& context_;
  std::map<std::pair<std::string, std::string>, PublishedEdit> published_edits_;
  std::set<fs::path> unreadable_;     // pictures that the captioner could not read
  std::optional<TruthScorer> truth_;  // scores by true answers
  std::string scorer_vae_;            // fingerprint of its VAE
};

void BenchmarkRun::check() const {
  const bool imagic = request_.learn.options.method == LearnMethod::imagic;
  if (request_.published) {
    if (request_.sweep.preset != SweepRequest::Preset::none || request_.sweep.forget ||
        request_.sweep.interpolation || request_.sweep.gamma || request_.sweep.alpha || request_.sweep.beta ||
        request_.fixed) {
      throw usage_error("published",
                        "has its own strategies and strengths: it cannot be combined with preset, forget, "
                        "interpolation, gamma, alpha, beta and fixed");
    }
    if (request_.learn.options.method != LearnMethod::vanilla) {
      throw usage_error("published", "needs method vanilla");
    }
  }
  if (imagic && !request_.learn.source.empty()) {
    throw usage_error("source", "cannot be combined with method imagic, which starts from the target");
  }
  if (request_.auto_pictures && !request_.automatic)
    throw usage_error("auto_pictures", "needs the automatic choice");
  if (request_.auto_steps && !request_.automatic)
    throw usage_error("auto_steps", "needs the automatic choice");
  auto learn = request_.learn;
  if (imagic || !is_tedbench()) learn.source = "the benchmark's";
  check_learn_request(learn);
}

void BenchmarkRun::follow_the_model() {
  const auto defaults = read_model_defaults(models_.choice(context_).folder);
  request_.learn.published = request_.published || request_.sweep.preset != SweepRequest::Preset::none;
  say_defaults(follow_model(request_.learn, defaults), context_);
  say_defaults(follow_model(request_.sweep, defaults), context_);
}

double BenchmarkRun::fixed_strength(Interpolation interpolation) const {
  return request_.fixed.value_or(interpolation == Interpolation::vector_subtraction ? 1.0 : 1.2);
}

std::vector<bool> BenchmarkRun::fixed_of(const EditRequest& request,
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

BenchTask BenchmarkRun::task_of(const BenchEdit& edit) const {
  BenchTask task;
  task.edit = edit;
  task.source = request_.learn.options.method == LearnMethod::imagic
                    ? edit.target
                    : edit.source.value_or(request_.learn.source);
  auto request = make_request(request_.sweep, request_.learn.options.method, {edit.target});
  if (request_.published) {
    const auto found = published_edits_.find({edit.picture_name, edit.target});
    if (found == published_edits_.end()) {
      task.skipped = "no published settings";
    } else if (!has_released_strategy(found->second)) {
      task.skipped = "its strategy " + found->second.strategy + " is not in any released code";
    } else {
      apply_published(found->second, *request_.published, request);
    }
  }
  // A picture that cannot be read fails later, with its reason.
  if (task.source.empty() && !unreadable_.count(edit.picture)) task.skipped = "no source prompt";
  if (!task.skipped.empty()) return task;
  for (const auto& candidate : plan_edit({request})) {
    if (candidate.kind != Candidate::Kind::reconstruction || request_.reconstruct)
      task.plan.push_back(candidate);
  }
  task.fixed = fixed_of(request, task.plan);
  if (request_.automatic) {
    // The sweep of the automatic choice, not that of the fixed protocol.
    SweepRequest own;
    own.interpolation = request_.sweep.interpolation;
    own.seeds = request_.sweep.seeds;
    own.repeat = request_.sweep.repeat;
    own.sampler = request_.sweep.sampler;
    own.guidance_scale = request_.sweep.guidance_scale;
    own.negative = request_.sweep.negative;
    own.start = request_.sweep.start;
    own.protect = request_.sweep.protect;
    own.steps = request_.sweep.steps;
    task.automatic =
        AutoTask{make_request(own, request_.learn.options.method, {edit.target}, /*automatic=*/true),
                 request_.auto_pictures.value_or(kAutoPictures), request_.auto_steps.value_or(kAutoSteps)};
  }
  return task;
}

json BenchmarkRun::settings(const StableDiffusion& network, const ModelChoice& choice,
                            const Benchmark& benchmark) const {
  auto options = request_.learn.options;
  options.seed = request_.sweep.first_seed();
  json result{
      {"benchmark", benchmark.name},
      {"model", {{"name", choice.name()}, {"fingerprint", network.base_fingerprint}}},
      {"precision", precision_name(choice.policy.precision)},
      {"source", request_.learn.source},
      {"background", request_.learn.background},
      {"learning", to_json(options)},
      {"sweep", sweep_json(make_request(request_.sweep, options.method, {}))},
      {"blend", request_.drawing.blend},
      {"fixed", request_.fixed ? json(*request_.fixed) : json("default")},
      {"reconstruct", request_.reconstruct},
      {"automatic", request_.automatic ? json(request_.auto_pictures.value_or(kAutoPictures)) : json("no")},
      {"published", !request_.published                                    ? "no"
                    : *request_.published == PublishedReading::subtraction ? "vs"
                                                                           : "vp"}};
  if (request_.automatic) result["automatic_steps"] = request_.auto_steps.value_or(kAutoSteps);
  if (!scorer_vae_.empty()) result["scorer"] = scorer_vae_;
  result["size"] = request_.learn.size ? json({request_.learn.size->first, request_.learn.size->second})
                                       : json("own shape");
  return result;
}

std::vector<std::pair<std::string, std::string>> BenchmarkRun::facts(const ModelChoice& choice,
                                                                     const ScorerFiles& files) const {
  const auto request = make_request(request_.sweep, request_.learn.options.method, {});
  check_interpolation(request_.sweep, request.interpolation);
  const auto& o = request_.learn.options;
  std::vector<std::pair<std::string, std::string>> rows{
      {"model", choice.name() + " on " + describe_device(choice.policy.device)},
      {"fine-tuning", fmt::format("{}, {} samples in batches of {}, seed {}", learn_method_name(o.method),
                                  o.samples, o.batch, request_.sweep.first_seed())},
      {"sampling", fmt::format("{}, {} steps, CFG scale {}", sampler_of(request.sample.sampler).name,
                               request.sample.steps, request.sample.guidance_scale)}};
  if (request.sample.start < 1) {
    rows.emplace_back("start", fmt::format("noised original, {:g} of the steps", request.sample.start));
  }
  if (request.sample.protect) rows.emplace_back("protect", "edits change only the relevant area");
  if (!request.sample.negative.empty()) rows.emplace_back("negative prompt", request.sample.negative);
  if (request_.published) {
    rows.emplace_back("settings", std::string("published, textalpha 0.7 read as ") +
                                      (*request_.published == PublishedReading::subtraction ? "vs" : "vp"));
  } else {
    const bool vs = request.interpolation == Interpolation::vector_subtraction;
    rows.emplace_back("fixed protocol",
                      fmt::format("{}, {} nearest to {}, mean over the seeds", request.strategies.front(),
                                  vs ? "γ" : "β", fixed_strength(request.interpolation)));
  }
  if (!request_.learn.source.empty())
    rows.emplace_back("source prompt of all pictures", request_.learn.source);
  if (!files.clip.empty()) rows.emplace_back("CLIP model", clip_name(files.clip));
  if (files.clip.empty() && request_.automatic)
    rows.emplace_back("Automatic choice", "by the diffusion model");
  if (!scorer_vae_.empty()) rows.emplace_back("VAE of the scorer", scorer_vae_);
  return rows;
}

/// Captions the pictures for which neither the benchmark nor the user gives a source prompt.
void BenchmarkRun::write_sources(Benchmark& benchmark) {
  if (request_.learn.options.method == LearnMethod::imagic || !request_.learn.source.empty()) return;
  std::map<fs::path, std::string> captions;
  for (auto& edit : benchmark.edits) {
    if (edit.source || unreadable_.count(edit.picture)) continue;
    auto caption = captions.find(edit.picture);
    if (caption == captions.end()) {
      Image picture;
      try {
        picture = read_image(edit.picture, request_.learn.background);
      } catch (const Error&) {
        unreadable_.insert(edit.picture);
        continue;
      }
      const auto text = models_.caption(request_.learn.captioner, picture, {}, "source", context_);
      caption = captions.emplace(edit.picture, text).first;
      context_.note(edit.picture_name + ": " + text);
    }
    edit.source = source_prompt(caption->second, {edit.target});
  }
}

/// Pictures with any aspect ratio have the model's native number of pixels.
MemoryTask BenchmarkRun::need(const StableDiffusion& network) const {
  const auto native = static_cast<int>(network.native_size());
  const auto [width, height] = request_.learn.size.value_or(std::pair(native, native));
  auto task = network.memory_task(width, height);
  add_learning(task, network, request_.learn.options);
  task.draw_batch = images_per_batch(request_.drawing, network.policy);
  return task;
}

/// Uses the bundled VAE, not that of the model, so that images of all models are scored by the same measure.
AutoencoderKL BenchmarkRun::load_truth_scorer() {
  const auto& choice = models_.choice(context_);
  prepare_compute(choice.policy, choice.threads);
  auto vae = load_vae(miniature_folder(context_.places()) / "vae", choice.policy.device);
  truth_.emplace(vae, choice.policy.device);
  scorer_vae_ = fingerprint(parameters_of(*vae));
  return vae;
}

std::string BenchmarkRun::check_scorer() {
  const auto benchmark = read_chosen(request_, context_.places());
  for (const auto& note : benchmark.notes) context_.warn(note);
  auto vae = load_truth_scorer();
  auto table = check_truth_scorer(*truth_, vae, benchmark,
                                  [this](const Progress& progress) { context_.progress(progress); });
  context_.end_stage();
  return table;
}

BenchCallbacks BenchmarkRun::callbacks(const ModelChoice& choice, StableDiffusion& network,
                                       std::size_t tasks) {
  BenchCallbacks result;
  result.background = request_.learn.background;
  result.keep_learned = request_.keep_learned;
  result.score_beside = choice.policy.device.is_cuda() && network.memory.budget_gib == 0;
  result.warn = [this](const std::string& text) { context_.warn(text); };
  result.progress = [this](const Progress& progress) { context_.progress(progress); };
  result.waiting = [this] { context_.throw_if_stopped(); };
  result.learn = [this, &choice, &network](const BenchTask& task, const Image& picture,
                                           const fs::path& saved) {
    auto learn = request_.learn;
    learn.picture = task.edit.picture;
    learn.source = task.source;
    learn.options.seed = request_.sweep.first_seed();
    context_.note("fine-tuning on " + task.edit.picture_name + ", caption: " + task.source);
    prepare_learning(learn, picture, choice);
    const auto to_learn = picture_to_learn(learn, picture, choice, network);
    auto learned = learn_and_save(to_learn, learn, choice, network, models_.learning_thread(), context_);
    write_saved_edit(saved, learned);
    return learned;
  };
  result.text = [this, &choice](const LearnedPicture& learned, const Candidate& candidate) {
    return picture_text({{}, request_.drawing, learned, choice.name(), choice.policy, false}, candidate);
  };
  if (truth_) {
    result.judge = [this](const BenchEdit& edit) {
      return [&scorer = *truth_, reference = truth_->prepare(edit)](std::span<const Image> pictures) {
        return scorer.score(reference, pictures);
      };
    };
  }
  result.on_edit = [this, tasks, finished = std::size_t{0}](const EditRecord& record) mutable {
    context_.end_stage();
    const auto state = record.state == EditRecord::State::done     ? "done"
                       : record.state == EditRecord::State::failed ? "failed: " + record.reason
                                                                   : "skipped: " + record.reason;
    context_.note(fmt::format("{}/{} {}: {}", ++finished, tasks, record.edit.id, state));
  };
  return result;
}

BenchReport BenchmarkRun::run() {
  check();
  auto benchmark = read_chosen(request_, context_.places());
  for (const auto& note : benchmark.notes) context_.warn(note);
  const auto& places = context_.places();
  if (request_.published)
    published_edits_ = read_published(assets_of(places) / "tedbench" / "published.json");
  check_folder_can_be_made(request_.out);
  const auto& choice = models_.choice(context_);
  follow_the_model();
  if (has_answers()) load_truth_scorer();
  const OutputFolder folder(request_.out);
  write_sources(benchmark);
  std::vector<BenchTask> tasks;
  for (const auto& edit : benchmark.edits) tasks.push_back(task_of(edit));

  const auto files = find_scorer_files(request_.judge, choice.folder, places);
  if (request_.automatic && request_.learn.options.method == LearnMethod::imagic) {
    require_clip(files, choice.folder, places);
  }
  auto& network = models_.model(context_, [this](const StableDiffusion& loaded) { return need(loaded); });
  auto& scorer = models_.judge(files, choice.policy.device);
  note_skipped(scorer.skipped(), context_);
  BenchRunner runner(network, scorer, request_.drawing, request_.out, settings(network, choice, benchmark),
                     callbacks(choice, network, tasks.size()), request_.work);
  BenchReport report{benchmark.name,
                     "Forgedit with " + choice.name(),
                     request_.published ? "published settings" : "fixed protocol",
                     facts(choice, files),
                     runner.run(tasks),
                     request_.out / "edits",
                     request_.learn.background,
                     runner.times()};
  context_.note(fmt::format(
      "fine-tuning {:.1f} s, generating {:.1f} s, scoring {:.1f} s, waiting for scores {:.1f} s",
      report.times->learning, report.times->drawing, report.times->scoring, report.times->waiting));
  if (network.memory.budget_gib > 0) report.facts.emplace_back("memory", describe(network.memory));
  return report;
}

}  // namespace

const char* benchmark_name(BenchmarkRequest::Kind kind) {
  switch (kind) {
    case BenchmarkRequest::Kind::tedbench:
      return "tedbench";
    case BenchmarkRequest::Kind::editeval:
      return "editeval";
    case BenchmarkRequest::Kind::miniedit_s:
      return "miniedit-s";
    case BenchmarkRequest::Kind::miniedit:
      break;
  }
  return "miniedit";
}

BenchReport run_benchmark(const BenchmarkRequest& request, WarmModels& models, JobContext& context) {
  return BenchmarkRun(request, models, context).run();
}

std::function<JobProgress()> benchmark_progress(const BenchmarkRequest& request, const Places& places) {
  using Clock = std::chrono::steady_clock;
  std::vector<fs::path> records;
  for (const auto& edit : read_chosen(request, places).edits) {
    records.push_back(request.out / "edits" / edit.id / "record.json");
  }
  JobProgress now;
  now.stage = "edits";
  now.total = static_cast<std::int64_t>(records.size());
  return [records, now, last = Clock::time_point()]() mutable {
    if (Clock::now() - last < kBetweenLooks) return now;
    const auto is_there = [](const fs::path& record) { return fs::exists(record); };
    now.done = std::count_if(records.begin(), records.end(), is_there);
    now.share = static_cast<double>(now.done) / static_cast<double>(std::max<std::size_t>(records.size(), 1));
    last = Clock::now();
    return now;
  };
}

std::string check_scorer(const BenchmarkRequest& request, WarmModels& models, JobContext& context) {
  return BenchmarkRun(request, models, context).check_scorer();
}

}  // namespace forgedit
