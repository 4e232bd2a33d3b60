#include "forgedit/jobs/engine.h"

#include "forgedit/core/error.h"
#include "forgedit/jobs/captioning.h"
#include "forgedit/jobs/edit_job.h"
#include "forgedit/jobs/scoring.h"
#include "forgedit/jobs/small_jobs.h"
#include "forgedit/jobs/time_estimate.h"
#include "forgedit/pipelines/model/picture_grid.h"

namespace forgedit {

struct Engine::State {
  State(Places all_places, EngineOptions options)
      : places(std::move(all_places)), models(std::move(options.model), options.keep_warm) {}

  Places places;
  WarmModels models;
};

Engine::Engine(Places places, EngineOptions options)
    : state_(std::make_unique<State>(std::move(places), std::move(options))) {}

Engine::~Engine() = default;

namespace {

/// What each kind of request leads to.
struct Run {
  WarmModels& models;
  JobContext& context;

  void operator()(const CaptionRequest& request) const { run_caption(request, models, context); }
  void operator()(const LearnRequest& request) const { run_learn(request, models, context); }
  void operator()(const EditJob& job) const { run_edit(job, models, context); }
  void operator()(const ExportRequest& request) const { run_export(request, models, context); }
  void operator()(const ScoreRequest& request) const { run_score(request, models, context); }
  void operator()(const DrawRequest& request) const {
    context.listener().image(run_draw(request, models, context));
  }
};

}  // namespace

void Engine::run(const JobRequest& request, const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  std::visit(Run{state_->models, context}, request);
}

LastFiles Engine::run_up_to_last_files(const EditJob& job, const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  return run_edit_up_to_last_files(job, state_->models, context);
}

Image Engine::draw_one(const DrawRequest& request, const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  return run_draw(request, state_->models, context);
}

void Engine::warm_up(const std::filesystem::path& learned, const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  state_->models.session(context, learned);
}

EngineFacts Engine::facts(const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  const auto& choice = state_->models.choice(context);
  prepare_compute(choice.policy, choice.threads);  // the device's description has its threads
  EngineFacts facts;
  facts.model = choice.name();
  facts.device = describe_device(choice.policy.device);
  facts.precision = precision_name(choice.policy.precision);
  facts.is_miniature = choice.miniature;
  facts.defaults = read_model_defaults(choice.folder);
  if (const auto grid = read_picture_grid(choice.folder)) {
    facts.size = grid->native_size;
    facts.multiple = grid->multiple;
  }
  try {
    facts.captioner = find_captioner("", choice.folder, state_->places, "captioner").name;
  } catch (const Error& error) {
    facts.no_captioner = error.what();
  }
  try {
    const auto files = find_scorer_files({}, choice.folder, state_->places);
    facts.judge = files.clip.empty() ? "the diffusion model itself" : clip_name(files.clip);
  } catch (const Error& error) {
    facts.no_judge = error.what();
  }
  return facts;
}

EngineSpeeds Engine::expected_speeds(const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  const auto model =
      outline_model(state_->models.choice(context), context, [](const StableDiffusion& outline) {
        const auto side = static_cast<int>(outline.native_size());
        return outline.memory_task(side, side);
      });
  EngineSpeeds speeds;
  speeds.width = speeds.height = model.native_size();
  const TimeEstimate estimate(model, static_cast<int>(speeds.width), static_cast<int>(speeds.height));
  for (const auto& method : learn_methods()) {
    const auto options = published_options(method.method);
    const auto samples = static_cast<double>(options.samples + options.embedding_samples);
    speeds.samples.emplace_back(method.name, estimate.learning(options) / samples);
  }
  const SampleOptions usual;
  DrawOptions one_by_one;
  one_by_one.batch = 1;
  speeds.step = estimate.image(usual, one_by_one) / static_cast<double>(usual.steps + 1);
  return speeds;
}

EngineModel Engine::load(const StopFlag& stop, JobListener& listener) {
  JobContext context(state_->places, listener, stop);
  const auto& choice = state_->models.choice(context);
  const auto& model = state_->models.model(context);
  return {choice.name(), model.base_fingerprint, describe_device(choice.policy.device)};
}

bool Engine::is_loaded() const {
  return state_->models.has_model();
}

void Engine::unload() {
  state_->models.unload();
}

}  // namespace forgedit
