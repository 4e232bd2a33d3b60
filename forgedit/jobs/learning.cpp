#include "forgedit/jobs/learning.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/core/version.h"
#include "forgedit/jobs/model_domain.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/learning/learn_picture.h"
#include "forgedit/pipelines/records/attach_to_model.h"
#include "forgedit/pipelines/records/settings_json.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// Fewer samples than were asked for are never silent.
void say_how_it_ended(const LearnedPicture& learned, JobContext& job) {
  const auto& o = learned.options;
  if (o.stop_loss > 0 && o.stop_known == 0 && learned.prediction == PredictionType::v_prediction) {
    job.note(
        "the model predicts the velocity: fine-tuning does not stop early (stop_loss), because the threshold "
        "is meant for noise prediction");
  }
  if (o.stop_known > 0 && !learned.result.known.empty()) {
    const auto known = learned.result.known.back();
    job.note(fmt::format("the model predicts {:.1f} % of the picture after {} samples, {} (stop_known {:g})",
                         100 * known, static_cast<std::int64_t>(learned.result.losses.size()) * o.batch,
                         known >= o.stop_known ? "which is enough" : "the maximum", o.stop_known));
  }
  const auto used = learned.result.planned_steps * o.batch;
  if (learned.result.stopped_at) {
    job.note(fmt::format("early stop: loss {:.4f} is under {} (stop_loss)", *learned.result.stopped_at,
                         o.stop_loss));
  } else if (used != o.embedding_samples + o.samples) {
    job.note(fmt::format("trained on {} of {} samples, because only whole batches of {} are used", used,
                         o.embedding_samples + o.samples, o.batch));
  }
}

void warn(const std::string& text, JobContext& job) {
  if (!text.empty()) job.warn(text);
}

}  // namespace

void check_learn_request(const LearnRequest& request) {
  check_learn_settings(request);
  if (request.save.empty()) return;
  with_field("save", [&] {
    check_saved_edit_target(request.save);
    check_folder_can_be_made(request.save);
  });
}

namespace {

/// The size that the picture is stretched to; nothing where it keeps its shape.
std::optional<std::pair<int, int>> size_of(const LearnRequest& request, const PictureGrid& grid) {
  if (request.size || !request.story_size) return request.size;
  const auto side = static_cast<int>(grid.native_size * 3 / 2);
  return std::pair(side, side);
}

Frame frame_of(const Image& picture, const LearnRequest& request, const PictureGrid& grid) {
  try {
    return frame_picture(picture.width, picture.height, size_of(request, grid), grid);
  } catch (const Error& error) {
    if (!request.size) throw;
    throw Error(error.kind(), error.what(), "size");
  }
}

/// All that is known of a picture before the model is read.
PictureToLearn described(const LearnRequest& request, const Image& picture, const ModelChoice& choice,
                         const PictureGrid& grid) {
  PictureToLearn learned;
  learned.picture_name = request.picture.filename().string();
  learned.source = request.source;
  learned.base_name = choice.name();
  learned.software = software_name();
  learned.precision = precision_name(choice.policy.precision);
  learned.options = request.options;
  learned.background =
      fmt::format("#{:02x}{:02x}{:02x}", request.background[0], request.background[1], request.background[2]);
  learned.stretched = size_of(request, grid).has_value();
  learned.frame = frame_of(picture, request, grid);
  learned.grid = lay_into_grid(picture, learned.frame, learned.stretched);
  return learned;
}

}  // namespace

void prepare_learning(const LearnRequest& request, const Image& picture, const ModelChoice& choice) {
  const auto method = request.options.method;
  if (method == LearnMethod::dreambooth) {
    require_one_text_encoder(method, has_two_text_encoders(choice.folder));
  }
  const auto grid = read_picture_grid(choice.folder);
  if (grid) is_saved_already(request, described(request, picture, choice, *grid));
}

std::optional<EncodedPicture> encode_ahead(const LearnRequest& request, const Image& picture,
                                           const ModelChoice& choice, StableDiffusion& model) {
  try {
    const auto to_learn = picture_to_learn(request, picture, choice, model);
    auto encoded = encode_picture(model, to_learn.grid, to_learn.options.seed);
    model.encode_text(request.source);  // loads its kernels
    return encoded;
  } catch (const std::exception&) {
    return {};
  }
}

void PreparedLearning::begin(const LearnRequest& request, const Image& picture, const ModelChoice& choice,
                             WarmModels& models, JobContext& job) {
  const auto grid = read_picture_grid(choice.folder);
  const bool is_saved = !request.save.empty() && is_saved_edit(request.save);
  auto& thread = models.learning_thread();
  if (models.has_model() || thread.was_used() || !grid || is_saved || !choice.policy.reduced()) return;
  models.make_ready(job);
  thread_ = &thread;
  warm_up_ = std::make_shared<WarmUp>();
  thread.begin(
      [warm_up = warm_up_, choice, options = request.options, frame = frame_of(picture, request, *grid)] {
        *warm_up = warm_up_learning(options, frame, choice);
      });
}

LearningAhead PreparedLearning::end(const LearnRequest& request, const Image& picture,
                                    const ModelChoice& choice, StableDiffusion& model,
                                    const std::vector<std::int64_t>& batches) const {
  if (!thread_) return {};
  LearningAhead ahead{encode_ahead(request, picture, choice, model), warm_up_, {}};
  if (model.unet->config().takes_added_conditions()) return ahead;
  // Sampling takes less memory than fine-tuning with a batch of this size, and the warm-up had twice that.
  std::vector<std::int64_t> small;
  std::copy_if(batches.begin(), batches.end(), std::back_inserter(small),
               [&](std::int64_t images) { return images <= request.options.batch; });
  if (small.empty()) return ahead;
  const auto frame = frame_of(picture, request, {model.size_multiple(), model.native_size()});
  ahead.sampling_warm_up = sampling_warm_up(model, frame, small);
  return ahead;
}

std::string write_source(const LearnRequest& request, const std::vector<std::string>& targets,
                         const Image& picture, WarmModels& models, JobContext& job) {
  const auto source = source_prompt(models.caption(request.captioner, picture, {}, "source", job), targets);
  job.listener().caption(source);
  return source;
}

void warn_of_long_texts(const std::vector<std::string>& texts, const StableDiffusion& model,
                        JobContext& job) {
  for (const auto& text : std::set<std::string>(texts.begin(), texts.end())) warn(model.too_long(text), job);
}

MemoryTask learning_need(const LearnRequest& request, const Image& picture, const StableDiffusion& model) {
  const auto frame = frame_of(picture, request, {model.size_multiple(), model.native_size()});
  auto task = model.memory_task(frame.grid_width, frame.grid_height);
  add_learning(task, model, request.options);
  return task;
}

PictureToLearn picture_to_learn(const LearnRequest& request, const Image& picture, const ModelChoice& choice,
                                const StableDiffusion& model) {
  auto learned = described(request, picture, choice, PictureGrid{model.size_multiple(), model.native_size()});
  learned.base_fingerprint = model.base_fingerprint;
  learned.prediction = model.settings.noise.prediction_type;
  learned.memory = describe(model.memory);
  return learned;
}

bool is_saved_already(const LearnRequest& request, const PictureToLearn& picture) {
  if (request.save.empty() || !is_saved_edit(request.save)) return false;
  std::string difference;
  try {
    difference = saved_difference(request.save, picture);
    // Its hashes are compared with its files once all is known.
    if (difference.empty() && !picture.base_fingerprint.empty()) read_saved_edit(request.save);
  } catch (const Error& error) {
    if (request.overwrite) return false;  // what is damaged may be replaced too
    throw usage_error("save", std::string(error.what()) + "; set overwrite to replace it");
  }
  if (difference.empty()) return true;
  if (request.overwrite) return false;
  throw usage_error(
      "save",
      fmt::format("{}: contains a saved edit {}: choose another folder, or set overwrite to replace it",
                  request.save.string(), difference));
}

LearnedPicture take_saved(PictureToLearn picture, const fs::path& saved, const StableDiffusion& model,
                          JobContext& job) {
  auto before = read_saved_edit(saved);
  attach_to_model(before, model, saved.string());
  job.note("using the saved edit in " + saved.string());
  LearnedPicture learned{std::move(picture), std::move(before.result)};
  learned.memory = before.memory;
  learned.software = before.software;
  job.listener().learned(saved, learned.result.losses);
  return learned;
}

LearnedPicture take_learned(PictureToLearn picture, const LearnResult& before, JobContext& job) {
  job.note("using the weights of the previous job");
  job.listener().learned({}, before.losses);
  return {std::move(picture), before};
}

void learn_on(LearningThread& thread, const LearningThread::Work& learn, const LearnOptions& options,
              const LearningAhead& ahead, JobContext& job) {
  const auto progress = [&](const Progress& reached) { job.progress(reached); };
  if (!ahead.warm_up || !ahead.warm_up->ran) return thread.run(learn, progress);
  std::string problem;
  WarmUpParts parts;
  for (const auto& part : ahead.sampling_warm_up) {
    parts.emplace_back([&] {
      try {
        if (problem.empty()) part();
      } catch (const std::exception& error) {
        problem = std::string("sampling was not prepared, so its first step takes longer: ") + error.what();
      }
    });
  }
  if (can_sample_meanwhile(options)) {
    thread.run(
        learn, progress, [](const Progress& reached) { return reached.recorded; }, parts);
  } else {
    for (const auto& part : parts) part(), job.throw_if_stopped();
    thread.run(learn, progress);
  }
  if (!problem.empty()) job.note(problem);
}

LearnedPicture learn_and_save(PictureToLearn picture, const LearnRequest& request, const ModelChoice& choice,
                              StableDiffusion& model, LearningThread& thread, JobContext& job,
                              LearningAhead ahead) {
  thread.wait();  // for a warm-up
  if (ahead.warm_up && !ahead.warm_up->problem.empty()) job.note(ahead.warm_up->problem);
  job.note(fmt::format("picture {}x{}, fine-tuning at {}x{}", picture.frame.source_width,
                       picture.frame.source_height, picture.frame.width, picture.frame.height));
  auto& encoded = ahead.picture;
  if (!encoded) encoded = encode_picture(model, picture.grid, picture.options.seed);
  if (choice.miniature) warn(warn_of_round_trip(model, *encoded, picture), job);
  reset_peak_memory(model.policy.device);
  LearnedPicture learned{std::move(picture), {}};
  const auto learn = [&](const ProgressCallback& progress) {
    learned.result = learn_picture(model, *encoded, learned.source, learned.options, progress);
  };
  // A second thread would need workspaces of its own.
  if (model.policy.reduced() && model.memory.budget_gib == 0) {
    learn_on(thread, learn, learned.options, ahead, job);
  } else {
    learn([&](const Progress& progress) { job.progress(progress); });
  }
  job.end_stage();
  say_how_it_ended(learned, job);
  if (choice.miniature) warn(warn_of_first_losses(learned.result.losses), job);
  if (model.policy.device.is_cuda()) {
    job.note(fmt::format("peak GPU memory of fine-tuning{}: {:.1f} GiB",
                         ahead.sampling_warm_up.empty() ? "" : ", beside which sampling was prepared",
                         static_cast<double>(peak_memory(model.policy.device)) / (1U << 30)));
  }
  if (!request.save.empty()) {
    job.long_write();
    write_saved_edit(request.save, learned);
    job.file(request.save);
  }
  job.listener().learned(request.save, learned.result.losses);
  return learned;
}

}  // namespace forgedit
