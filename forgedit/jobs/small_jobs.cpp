#include "forgedit/jobs/small_jobs.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/jobs/drawn_candidate.h"
#include "forgedit/jobs/edit_notes.h"
#include "forgedit/jobs/edit_record.h"
#include "forgedit/jobs/job_plan.h"
#include "forgedit/jobs/learning.h"
#include "forgedit/jobs/pictures.h"
#include "forgedit/jobs/previews.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/records/attach_to_model.h"
#include "forgedit/pipelines/records/export.h"

namespace forgedit {

void run_caption(const CaptionRequest& request, WarmModels& models, JobContext& context) {
  CaptionSearch search;
  search.num_beams = request.beams;
  for (const auto& picture : request.pictures) {
    context.throw_if_stopped();
    const auto image = read_picture(picture, kWhite, context);
    const auto text = models.caption(request.captioner, image, search, "captioner", context);
    context.listener().captioned(picture, text);
  }
}

void check_learn(LearnRequest request) {
  if (request.save.empty() && !request.choose_save) {
    throw usage_error("save", "give the folder for the saved edit");
  }
  take_target(request);
  check_learn_request(request);
}

namespace {

void note_kept(const LearnRequest& request, JobContext& context) {
  context.note(request.save.string() +
               " already contains the same picture, learned with the same settings: it is kept");
}

}  // namespace

void run_learn(LearnRequest request, WarmModels& models, JobContext& context) {
  check_learn(request);
  take_target(request);
  say_defaults(follow_model(request, read_model_defaults(models.choice(context).folder)), context);
  std::optional<SaveLock> lock;
  if (!request.dry_run && !request.save.empty()) lock.emplace(request.save);
  const auto picture = read_picture(request.picture, request.background, context);
  const auto& choice = models.choice(context);
  prepare_learning(request, picture, choice);
  const auto need = [&](const StableDiffusion& model) { return learning_need(request, picture, model); };
  if (request.dry_run) {
    if (request.source.empty()) find_captioner(request.captioner, choice.folder, context.places(), "source");
    const auto network = outline_model(choice, context, need);
    warn_of_long_texts({request.source}, network, context);
    const auto learned = picture_to_learn(request, picture, choice, network);
    if (is_saved_already(request, learned)) return note_kept(request, context);
    tell_learn_plan(request.options, network, learned.frame, context);
    return note_planned_file(request.save, context);
  }
  if (request.source.empty()) request.source = write_source(request, {}, picture, models, context);
  PreparedLearning prepared;
  prepared.begin(request, picture, choice, models, context);
  auto& network = models.model(context, need, LearnedBefore::drop);
  auto ahead = prepared.end(request, picture, choice, network, {});
  warn_of_long_texts({request.source}, network, context);
  const auto to_learn = picture_to_learn(request, picture, choice, network);
  if (request.save.empty()) {
    request.save = request.choose_save(to_learn);
    lock.emplace(request.save);
  }
  if (is_saved_already(request, to_learn)) {
    note_kept(request, context);
    context.listener().learned(request.save, read_saved_record(request.save).result.losses);
    context.file(request.save);
    return;
  }
  tell_learn_plan(request.options, network, to_learn.frame, context);
  learn_and_save(to_learn, request, choice, network, models.learning_thread(), context, std::move(ahead));
}

namespace {

ExportOptions options_of(const ExportRequest& request) {
  ExportOptions options;
  options.format = parse_export_format(request.to);
  options.dtype = parse_stored_dtype(request.dtype);
  options.forget = request.forget;
  options.blend = request.blend;
  for (const auto& [field, given] :
       {std::pair{"rank", request.rank.has_value()}, std::pair{"energy", request.energy.has_value()}}) {
    if (given && options.format != ExportFormat::lora)
      throw usage_error(field, "is only for exports to lora");
  }
  if (request.rank && request.energy) throw usage_error("energy", "cannot be combined with rank");
  if (request.rank) options.lora.rank = *request.rank;
  if (request.energy) options.lora.energy = *request.energy;
  return options;
}

bool is_large_convolution(const torch::Tensor& factor) {
  return factor.dim() == 4 && factor.size(2) * factor.size(3) > 1;
}

void say_if_locon(const Lora& lora, JobContext& context) {
  const auto count = std::count_if(lora.tensors.begin(), lora.tensors.end(),
                                   [](const auto& item) { return is_large_convolution(item.second); });
  if (count == 0) return;
  context.note(fmt::format(
      "{} of its layers are convolutions larger than 1x1, so it is a LoCon, which forgedit itself cannot "
      "load; a saved edit that was learned as a LoRA (learn lora) is exported as a plain LoRA",
      count));
}

/// Each layer's share is in the report.
void say_what_was_kept(const Lora& lora, JobContext& context) {
  if (!lora.not_held.empty()) {
    context.note(fmt::format(
        "{} parameters (norms, biases, tables) cannot be stored in a LoRA and are dropped, such as {}",
        lora.not_held.size(), lora.not_held.front()));
  }
  context.note(
      fmt::format("kept {:.1f} % of the squared weight change of {} layers, {:.1f} % of the whole change",
                  100 * lora.kept(false), lora.layers.size(), 100 * lora.kept(true)));
}

}  // namespace

void run_export(const ExportRequest& request, WarmModels& models, JobContext& context) {
  const auto options = options_of(request);
  if (request.out.empty()) throw usage_error("out", "give the file or folder to write");
  const SaveLock lock(request.out);
  with_field("out", [&] { check_export_target(request.out, options.format); });
  if (models.choice(context).policy.reduced()) {
    throw usage_error("precision", "expected fp32, got bf16: it would round the exported weights");
  }
  auto learned = read_saved_edit(request.learned);
  find_forgetting_strategy(options.forget, learned.options.method);
  warn_of_unused_blend(options.blend, {options.forget}, context);
  if (learned.options.tuning == Tuning::lora && (request.rank || request.energy)) {
    throw usage_error(request.rank ? "rank" : "energy",
                      fmt::format("the saved edit is a LoRA of rank {}, which is written unchanged",
                                  learned.options.lora_rank));
  }
  auto& network = models.model(context);
  attach_to_model(learned, network, request.learned.string());
  context.throw_if_stopped();
  context.long_write();
  const auto result = export_learned(network, learned, request.out, options);
  if (options.format == ExportFormat::lora) {
    say_what_was_kept(result.lora, context);
    say_if_locon(result.lora, context);
  }
  for (const auto& path : result.written) context.file(path);
}

namespace {

/// The file of the image, and who hears of it.
void write_drawn(const DrawRequest& request, const Candidate& candidate, const Image& image,
                 const WarmSession& warm, const ModelChoice& choice, JobContext& context) {
  const EditRun run{{}, {request.blend, 1}, warm.learned, choice.name(), choice.policy};
  make_directory(request.out);
  const auto file = request.out / (candidate.stem + ".png");
  write_png(file, image, picture_text(run, candidate));
  context.listener().picture(candidate.stem, file, candidate_json(candidate));
}

}  // namespace

Image run_draw(DrawRequest request, WarmModels& models, JobContext& context) {
  follow_model(request.sweep, read_model_defaults(models.choice(context).folder));
  auto candidate = drawn_candidate(request);
  context.listener().planned(cells_json({candidate}));
  context.throw_if_stopped();
  auto& warm = models.session(context, request.learned);
  warn_of_long_texts({request.target, candidate.sample.negative}, warm.model, context);
  Image result;
  const std::vector<Candidate> plan{candidate};
  const auto take = [&](const Candidate& drawn, const Image& grid) {
    candidate = drawn;
    result = from_grid(grid, warm.learned.frame);
  };
  try {
    warm.session.generate(plan, {request.blend, 1},
                          {take, [&](const Progress& progress) { context.progress(progress); },
                           previews_for(context, warm.learned.frame)});
  } catch (const Cancelled&) {
    throw;
  } catch (...) {
    models.end_session();  // what failed is not relied on again
    throw;
  }
  context.end_stage();
  if (!request.out.empty()) {
    write_drawn(request, candidate, result, warm, models.choice(context), context);
  }
  return result;
}

nlohmann::json scored_json(const ScoredPicture& picture) {
  return {{"file", picture.name},
          {"width", picture.width},
          {"height", picture.height},
          {"scores", scores_json(picture.scores)}};
}

Scoring run_score(const ScoreRequest& request, WarmModels& models, JobContext& context) {
  require_text("target", request.target);
  const auto original = read_picture(request.original, request.background, context);
  std::vector<Image> edited;
  for (const auto& path : request.edited) edited.push_back(read_picture(path, request.background, context));

  const auto& choice = models.choice(context);
  Scoring result;
  result.files = find_scorer_files(request.judge, choice.folder, context.places());
  prepare_compute(choice.policy, choice.threads);
  auto& scorer = models.judge(result.files, choice.policy.device);
  result.skipped = scorer.skipped();
  note_skipped(result.skipped, context);
  const auto source = request.source.empty() ? std::nullopt : std::optional(request.source);
  const auto reference = scorer.prepare(original, request.target, source);
  for (std::size_t i = 0; i < edited.size(); ++i) {
    context.throw_if_stopped();
    const auto& picture = edited[i];
    const auto& scored =
        result.pictures.emplace_back(ScoredPicture{request.edited[i].filename().string(), picture.width,
                                                   picture.height, scorer.score(reference, picture)});
    context.listener().scored(scored_json(scored));
  }
  return result;
}

}  // namespace forgedit
