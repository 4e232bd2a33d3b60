#include "forgedit/jobs/edit_job.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/device/batch_parts.h"
#include "forgedit/jobs/candidate_scoring.h"
#include "forgedit/jobs/edit_defaults.h"
#include "forgedit/jobs/edit_learning.h"
#include "forgedit/jobs/edit_notes.h"
#include "forgedit/jobs/glyphs.h"
#include "forgedit/jobs/job_plan.h"
#include "forgedit/jobs/model_judge.h"
#include "forgedit/jobs/pictures.h"
#include "forgedit/jobs/previews.h"
#include "forgedit/jobs/results.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/safety.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// Ends a round whose time is over.
struct TimeIsOver {};

/// One edit job from request to files.
class EditJobRun {
 public:
  EditJobRun(EditJob job, WarmModels& models, JobContext& context);
  /// With `last_files` the caller writes those.
  void run(LastFiles* last_files = nullptr);

 private:
  std::vector<std::string> all_texts() const;
  std::vector<std::string> encoded_texts() const;
  void prepare();
  void read_the_mask();
  void load();
  MemoryTask memory_need(const StableDiffusion& model) const;
  void generate(EditResults& results, const EditRun& run);
  void dry_run();
  void draw_best(EditResults& results);
  /// `on_picture` gets each picture; `grid` is null where an earlier run has generated it.
  using PictureSeen = std::function<void(const Candidate& candidate, const Image* grid)>;
  void draw(EditResults& results, const std::vector<Candidate>& plan, const EditResults::Resumed& resumed,
            const PictureSeen& on_picture = {});
  bool keep_image(EditResults& results, const Candidate& candidate, const Image& grid);
  EditResults::Resumed resume(EditResults& results, std::vector<Candidate>& plan);
  void ensure_learned(EditResults& results);
  LastFiles last_files(const std::shared_ptr<EditResults>& results, bool complete);
  void write(const LastFiles& files);
  void finish_what_there_is(const std::shared_ptr<EditResults>& results);

  EditJob job_;
  EditSubject subject_;
  WarmModels& models_;
  JobContext& context_;
  std::shared_ptr<ResultsFolder> folder_;
  Image picture_;                                    // to learn; empty with `from`
  std::shared_ptr<const EditedPhoto> photo_;         // that it is a region of; null without one
  std::shared_ptr<const KeptPicture> kept_picture_;  // null without a mask
  ScorerFiles scorer_files_;
  EditScorer* scorer_ = nullptr;
  SafetyJudge* safety_ = nullptr;  // null where nobody asked for it
  std::optional<AutoEdit> search_;
  std::optional<CandidateScoring> scoring_;  // with search_
  std::optional<ModelJudge> model_judge_;    // with search_, without a CLIP model
  EditLearning learning_;
  StableDiffusion* network_ = nullptr;
  EditPlanner planner_;
  std::optional<EditSession> session_;  // from the first image on
};

EditJobRun::EditJobRun(EditJob job, WarmModels& models, JobContext& context)
    : job_(following_model(std::move(job), models, context)),
      subject_(check_edit(job_)),
      models_(models),
      context_(context),
      learning_(job_, models, context),
      planner_(job_, subject_.requests, context) {
  if (!job_.from.empty()) return;
  job_.learn.options.seed = job_.only ? job_.only->learning_seed : job_.sweep.first_seed();
  job_.learn.story_size = job_.sweep.preset == SweepRequest::Preset::story;
  if (subject_.method == LearnMethod::imagic)
    use_target_as_source(job_.learn, all_targets(subject_.requests).front());
}

std::vector<std::string> EditJobRun::all_texts() const {
  auto texts = all_targets(subject_.requests);
  texts.push_back(learning_.is_learned() ? learning_.learned().source : job_.learn.source);
  return texts;
}

void EditJobRun::read_the_mask() {
  if (job_.mask.empty()) return;
  const auto [width, height] = learning_.is_learned() ? std::pair(learning_.learned().frame.source_width,
                                                                  learning_.learned().frame.source_height)
                                                      : std::pair(picture_.width, picture_.height);
  kept_picture_ = read_kept_picture(job_.mask, width, height, photo_.get());
}

std::vector<std::string> EditJobRun::encoded_texts() const {
  auto texts = all_texts();
  for (const auto& request : subject_.requests) texts.push_back(request.sample.negative);
  return texts;
}

/// All that can go wrong before a model is loaded.
void EditJobRun::prepare() {
  if (job_.safety != SafetyMode::off) require_safety_checker(models_.choice(context_).folder);
  if (!job_.dry_run) {
    folder_ = std::make_shared<ResultsFolder>(job_.out);
    learning_.lock_save();
  }
  if (job_.from.empty()) picture_ = read_picture(job_.learn.picture, job_.learn.background, context_);
  if (job_.region) {
    photo_ = edited_photo(std::move(picture_), *job_.region);
    picture_ = cropped(photo_->whole, photo_->region);
  }
  const auto& choice = models_.choice(context_);
  if (job_.automatic) {
    job_.drawing.full_batches =
        choice.policy.device.is_cuda() && choice.policy.reduced() && !job_.drawing.batch;
    scorer_files_ = find_judges(*job_.automatic, subject_.method, choice.folder, context_.places());
    if (scorer_files_.clip.empty()) planner_.model_judges();
  }
  if (!job_.from.empty()) {
    learning_.read_from();
    read_the_mask();
  } else {
    read_the_mask();
    prepare_learning(job_.learn, picture_, choice);
    if (job_.learn.source.empty() && job_.dry_run) {
      find_captioner(job_.learn.captioner, choice.folder, context_.places(), "source");
    } else if (job_.learn.source.empty()) {
      job_.learn.source =
          write_source(job_.learn, all_targets(subject_.requests), picture_, models_, context_);
    }
  }
  if (!job_.only) {
    std::vector<std::string> strategies;
    for (const auto& request : subject_.requests)
      strategies.insert(strategies.end(), request.strategies.begin(), request.strategies.end());
    warn_of_unused_blend(job_.drawing.blend, strategies, context_);
  }
  auto texts = all_texts();
  texts.push_back(subject_.picture_name);
  note_missing_glyphs(fonts_of(context_.places()), texts, context_);
}

MemoryTask EditJobRun::memory_need(const StableDiffusion& model) const {
  MemoryTask task;
  if (learning_.is_learned()) {
    const auto& learned = learning_.learned();
    task = model.memory_task(learned.frame.grid_width, learned.frame.grid_height);
    add_learned(task, model, learned.options);
  } else {
    task = learning_need(job_.learn, picture_, model);
  }
  task.draw_batch = images_per_batch(job_.drawing, model.policy);
  return task;
}

void EditJobRun::load() {
  const auto& choice = models_.choice(context_);
  const bool is_learned = learning_.is_learned();
  const bool may_reuse = !is_learned && job_.learn.save.empty() && !job_.learn.choose_save;
  const bool resumes = fs::exists(job_.out / kRecordFile);
  const auto plan = job_.automatic ? AutoEdit::always_drawn(subject_.requests) : plan_edit(subject_.requests);
  if (!is_learned && !resumes) learning_.begin_preparing(picture_);
  network_ = &models_.model(
      context_, [&](const StableDiffusion& loaded) { return memory_need(loaded); },
      may_reuse ? LearnedBefore::keep : LearnedBefore::drop);
  learning_.end_preparing(picture_, *network_, first_batch_sizes(plan, job_.drawing, choice.policy));
  warn_of_long_texts(encoded_texts(), *network_, context_);
  if (job_.automatic || job_.safety != SafetyMode::off) learning_.wait_for_preparing();  // frees memory
  // A plan that has weights wait on the CPU has no room for the judges' either.
  const auto judges = network_->memory.offload ? c10::Device(c10::DeviceType::CPU) : choice.policy.device;
  if (job_.safety != SafetyMode::off) safety_ = &models_.safety(choice.folder, judges);
  if (job_.automatic) {
    scorer_ = &models_.judge(scorer_files_, judges);
    say_judge(scorer_files_.clip, *scorer_, context_);
  }
  learning_.find_weights(picture_, *network_);
}

void EditJobRun::run(LastFiles* last_files) {
  if (job_.out.empty()) throw usage_error("out", "give the folder for the results");
  if (job_.dry_run) return dry_run();
  prepare();
  load();
  const auto& choice = models_.choice(context_);
  const bool keeps_source =
      job_.results_at_source_size() && (kept_picture_ || any_protects(subject_.requests));
  const EditRun run{subject_.requests,
                    job_.drawing,
                    learning_.picture(),
                    choice.name(),
                    choice.policy,
                    job_.results_at_source_size(),
                    job_.automatic.has_value(),
                    describe(network_->memory),
                    {},
                    kept_picture_,
                    keeps_source ? std::make_shared<Image>(picture_) : nullptr,
                    photo_,
                    job_.safety};
  const auto results =
      std::make_shared<EditResults>(job_.out, fonts_of(context_.places()), run, job_.metadata);
  if (learning_.is_learned()) results->set_losses(learning_.learned().result.losses);
  try {
    generate(*results, run);
    auto files = this->last_files(results, true);
    if (last_files) {
      *last_files = std::move(files);
    } else {
      write(files);
    }
  } catch (const Cancelled&) {
    finish_what_there_is(results);
    const auto [kept, goes_on] = what_is_kept(*results, job_, learning_.is_kept());
    throw Cancelled(kept, goes_on);
  } catch (...) {
    finish_what_there_is(results);
    if (results->count() > 0 || learning_.is_kept())
      context_.note(what_is_kept(*results, job_, learning_.is_kept()).first);
    throw;
  }
  if (job_.automatic) {
    if (const auto older = results->older(); !older.empty()) context_.note(older);
  }
  learning_.drop();
}

void EditJobRun::generate(EditResults& results, const EditRun& run) {
  if (job_.automatic) {
    draw_best(results);
  } else {
    auto plan = plan_edit(subject_.requests);
    if (job_.only) keep_only(*job_.only, run, plan);
    const auto resumed = resume(results, plan);
    context_.listener().planned(cells_json(plan));
    planner_.tell(*network_, learning_.picture().frame,
                  resumed.to_draw.empty() && !learning_.must_save() ? nullptr : learning_.to_do(),
                  resumed.to_draw.size(), resumed.kept);
    if (learning_.must_save()) ensure_learned(results);
    draw(results, plan, resumed);
  }
  say_reconstruction(results, context_);
  if (safety_) say_flagged(results, context_);
}

/// After a stop or an error: sheet and record of the pictures that are finished.
void EditJobRun::finish_what_there_is(const std::shared_ptr<EditResults>& results) {
  try {
    results->drain();
  } catch (const std::exception&) {
    // Of a picture that cannot be written: see below.
  }
  try {
    if (scoring_) scoring_->drain();
  } catch (const std::exception&) {  // the others count
  }
  context_.end_stage();
  learning_.keep();
  if (results->count() == 0) return;
  try {
    write(last_files(results, false));
  } catch (const std::exception&) {
    // A full disk, say: what stopped the generation is the error to report.
  }
}

/// Says what is kept of earlier runs, before anything takes time.
EditResults::Resumed EditJobRun::resume(EditResults& results, std::vector<Candidate>& plan) {
  auto resumed = results.resume(plan);
  say_resumed(results, resumed, plan.size(), !job_.automatic, context_);
  return resumed;
}

void EditJobRun::ensure_learned(EditResults& results) {
  if (learning_.is_learned()) return;
  results.set_losses(learning_.make(*network_).result.losses);
  if (search_) search_->restart_clock();
}

/// Learns the picture first where that is still to be done: a restart that has nothing left to generate does
/// not.
void EditJobRun::draw(EditResults& results, const std::vector<Candidate>& plan,
                      const EditResults::Resumed& resumed, const PictureSeen& on_picture) {
  const auto missing = [&](const Candidate& candidate) {
    return std::any_of(resumed.to_draw.begin(), resumed.to_draw.end(),
                       [&](const Candidate& other) { return other.stem == candidate.stem; });
  };
  if (on_picture) {
    for (const auto& candidate : plan) {
      if (!missing(candidate) && !results.is_withheld(candidate)) on_picture(candidate, nullptr);
    }
  }
  if (resumed.to_draw.empty()) return;
  ensure_learned(results);
  results.begin();
  if (!session_) {
    std::optional<Mask> mask;
    const auto& learned = learning_.learned();
    if (kept_picture_)
      mask = to_mask(lay_into_grid(to_image(kept_picture_->mask), learned.frame, learned.stretched));
    session_.emplace(*network_, learned.result, learned.grid, mask ? &*mask : nullptr);
  }
  const auto keep = [&](const Candidate& candidate, const Image& grid) {
    if (keep_image(results, candidate, grid) && on_picture) on_picture(candidate, &grid);
  };
  const auto count = [&](const Progress& progress) {
    results.collect();
    if (scoring_) scoring_->collect();
    context_.progress(progress);
    if (search_ && search_->is_time_over()) throw TimeIsOver();
  };
  // A preview would show what may be withheld.
  const auto previews = job_.safety == SafetyMode::withhold
                            ? PreviewCallback()
                            : previews_for(context_, learning_.picture().frame);
  const auto take_area = [&](const std::string& target, const Mask& area) { results.set_area(target, area); };
  session_->generate(plan, job_.drawing, {keep, count, previews, take_area}, missing);
  results.drain();
  context_.end_stage();
}

/// False if the safety checker has it withheld.
bool EditJobRun::keep_image(EditResults& results, const Candidate& candidate, const Image& grid) {
  auto entry = candidate_json(candidate);
  std::string verdict;
  if (safety_) {
    const auto image = results.edited_part(results.shown(candidate, grid));
    entry["safety"] = check_safety(*safety_, job_.safety, candidate.stem + ".png", image, context_);
    verdict = entry["safety"].dump();
    if (is_withheld(job_.safety, entry["safety"])) {
      results.withhold(candidate, verdict);
      return false;
    }
  }
  const auto written = [this, candidate, entry](const fs::path& file) {
    context_.listener().picture(candidate.stem, file, entry);
    if (scoring_) scoring_->written(candidate.stem);
  };
  results.add(candidate, grid, written, verdict);
  return true;
}

/// Round after round, each around the best of what was generated before. What the choice does not need comes
/// with the last one, so that the best are there sooner.
void EditJobRun::draw_best(EditResults& results) {
  auto always = AutoEdit::always_drawn(subject_.requests);
  const auto missing = resume(results, always).to_draw;
  auto cells = cells_json(always);
  planner_.tell(*network_, learning_.picture().frame, learning_.to_do(),
                always.size() + planner_.most_images(), 0);
  if (learning_.must_save()) ensure_learned(results);
  search_.emplace(subject_.requests, *job_.automatic, *scorer_, results.original(),
                  learning_.picture().source);
  scoring_.emplace(*search_, network_->policy.device, has_room_for_scoring(*network_));
  if (scorer_files_.clip.empty())
    model_judge_.emplace(*network_, learning_.picture().frame, results.original(),
                         learning_.picture().source);
  while (!search_->is_last_round()) {
    EditResults::Resumed resumed;
    auto round = search_->next_round(
        [&](std::vector<Candidate>& candidates) { resumed = resume(results, candidates); });
    for (auto& cell : cells_json(round)) cells.push_back(std::move(cell));
    if (search_->is_last_round()) {
      round.insert(round.end(), always.begin(), always.end());
      resumed.to_draw.insert(resumed.to_draw.end(), missing.begin(), missing.end());
    }
    context_.listener().planned(cells);
    planner_.next_round(learning_.to_do(), resumed.to_draw, search_->scored(), search_->is_last_round());
    try {
      draw(results, round, resumed, [&](const Candidate& candidate, const Image* grid) {
        context_.throw_if_stopped();
        const OneBlasThread alone;  // finished images get the same scores after a restart
        auto shown = results.edited_part(grid ? results.shown(candidate, *grid)
                                              : read_image(results.path_of(candidate)));
        auto known = model_judge_ ? model_judge_->score(candidate, shown, session_ ? &*session_ : nullptr)
                                  : EditScores();
        scoring_->add(candidate, std::move(shown), grid != nullptr, std::move(known));
      });
    } catch (const TimeIsOver&) {
      context_.end_stage();
      results.drain();
      scoring_->drain();
      context_.note(fmt::format("time limit of the automatic choice reached: {} candidates were generated",
                                search_->scored()));
    }
    scoring_->drain();
    if (round.size() == always.size() && search_->is_last_round()) break;  // no candidates
    for (const auto& line : search_->lines(false)) context_.note(line);
    tell_choice(search_->arrangement(scorer_files_.clip, false), context_);
  }
}

/// Sheet, record and, with the automatic choice, the chart, of all pictures that there are.
LastFiles EditJobRun::last_files(const std::shared_ptr<EditResults>& results, bool complete) {
  // A choice that is complete without any candidate is one of which all were withheld.
  const bool has_choice = search_ && (complete || search_->scored() > 0);
  if (!has_choice) return [results, folder = folder_] { return results->finish(); };
  auto arrangement = search_->arrangement(scorer_files_.clip, complete);
  tell_choice(arrangement, context_);
  results->arrange(std::move(arrangement));
  for (const auto& line : search_->lines(true)) context_.note(line);
  const auto chart = search_->chart(results->picture_name(), fonts_of(context_.places()));
  return [results, folder = folder_, chart, place = job_.out / kChartFile] {
    auto files = results->finish();
    write_png(place, chart);
    files.push_back(place);
    return files;
  };
}

void EditJobRun::write(const LastFiles& files) {
  for (const auto& path : files()) context_.file(path);
}

/// Everything but the work: checks, the plan, and what would be written.
void EditJobRun::dry_run() {
  prepare();
  const auto& choice = models_.choice(context_);
  const auto network =
      outline_model(choice, context_, [&](const StableDiffusion& outline) { return memory_need(outline); });
  warn_of_long_texts(encoded_texts(), network, context_);
  learning_.find_saved(picture_, network);
  planner_.tell_dry_run(network, learning_.picture().frame, learning_.to_do());
}

}  // namespace

EditSubject check_edit(const EditJob& job) {
  if (!job.from.empty()) read_saved_record(job.from);
  auto subject = check_edit_settings(job);
  if (job.from.empty()) check_learn_request(job.learn);
  return subject;
}

void run_edit(EditJob job, WarmModels& models, JobContext& context) {
  EditJobRun(std::move(job), models, context).run();
}

LastFiles run_edit_up_to_last_files(EditJob job, WarmModels& models, JobContext& context) {
  LastFiles files;
  EditJobRun(std::move(job), models, context).run(&files);
  return files;
}

}  // namespace forgedit
