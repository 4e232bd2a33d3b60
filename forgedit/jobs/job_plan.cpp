#include "forgedit/jobs/job_plan.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "forgedit/jobs/auto_edit.h"
#include "forgedit/jobs/results.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/pipelines/choice/auto_search.h"
#include "forgedit/pipelines/sampling/diffusion_classifier.h"

namespace forgedit {
namespace {

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string images(std::size_t count) {
  return counted(count, "image", "images");
}

/// Where all targets have the same sweep, its lists; of a story only the number of targets.
std::string factors_of(const std::vector<EditRequest>& requests) {
  std::vector<std::string> factors;
  const auto add = [&](std::size_t count, const std::string& many) {
    if (count > 1) factors.push_back(fmt::format("{} {}", count, many));
  };
  add(all_targets(requests).size(), "targets");
  if (requests.size() == 1) {
    const auto& request = requests.front();
    const bool vs = request.interpolation == Interpolation::vector_subtraction;
    add(request.strategies.size(), "strategies");
    add(vs ? request.gammas.size() : request.alphas.size() * request.betas.size(), "strengths");
    add(all_seeds(request).size(), "seeds");
  }
  return factors.empty() ? "" : fmt::format("{} = ", fmt::join(factors, " × "));
}

std::string auto_text(const AutoRequest& asked, const std::vector<EditRequest>& requests) {
  const auto targets = all_targets(requests).size();
  const auto each = targets > 1 ? fmt::format(" each for {} targets", targets) : "";
  const auto within = asked.seconds ? fmt::format(" within {:g} s", *asked.seconds) : "";
  const auto comes_again = [&](const EditRequest& request) { return final_images(asked, request) > 0; };
  const bool has_finals = std::any_of(requests.begin(), requests.end(), comes_again);
  const auto steps = has_finals ? fmt::format("; candidates take {} steps, then the best three take all",
                                              asked.steps.value_or(kAutoSteps))
                                : "";
  if (asked.seconds && !asked.pictures)
    return "as many images" + each + " as there is time for" + within + steps;
  return "up to " + images(asked.pictures.value_or(kAutoPictures)) + each + within + steps;
}

}  // namespace

std::string edit_plan_text(const std::vector<EditRequest>& requests,
                           const std::optional<AutoRequest>& automatic, std::size_t kept) {
  std::string text;
  if (automatic) {
    text = auto_text(*automatic, requests);
  } else {
    const auto plan = plan_edit(requests);
    const auto count = [&](Candidate::Kind kind) {
      return static_cast<std::size_t>(std::count_if(
          plan.begin(), plan.end(), [&](const Candidate& candidate) { return candidate.kind == kind; }));
    };
    text = factors_of(requests) + images(count(Candidate::Kind::edit));
    if (const auto unlearned = count(Candidate::Kind::unlearned); unlearned > 0) {
      text += fmt::format(", {} with the untouched model", unlearned);
    }
    text += " and the reconstruction";
  }
  if (kept > 0) text += fmt::format("; {} were finished before", kept);
  return text;
}

std::string learn_plan_text(const LearnOptions& options) {
  const auto steps = options.embedding_samples / options.batch + options.samples / options.batch;
  return fmt::format(
      "fine-tuning on {} in {}",
      counted(static_cast<std::size_t>(options.embedding_samples + options.samples), "sample", "samples"),
      counted(static_cast<std::size_t>(steps), "step", "steps"));
}

void tell_learn_plan(const LearnOptions& options, const StableDiffusion& model, const Frame& frame,
                     JobContext& context) {
  const double seconds = TimeEstimate(model, frame.grid_width, frame.grid_height).learning(options);
  if (seconds >= 0) context.meter().plan({{kLearningStage, seconds}});
  context.listener().plan({learn_plan_text(options), 0, seconds});
}

void note_planned_file(const std::filesystem::path& path, JobContext& context) {
  context.note("would write " + path.string());
}

void EditPlanner::tell(const StableDiffusion& model, const Frame& frame, const LearnOptions* learning,
                       std::size_t missing, std::size_t kept) {
  JobPlan plan{job_.only ? images(missing) : edit_plan_text(requests_, job_.automatic, kept),
               static_cast<std::int64_t>(missing)};
  if (learning || missing > 0) {
    estimate_.emplace(model, frame.grid_width, frame.grid_height);
    const auto finals = job_.automatic ? std::min(final_images(), missing) : 0;
    double sampling = static_cast<double>(missing - finals) * image_seconds(job_.automatic.has_value());
    if (job_.automatic && job_.automatic->seconds) {
      // With seconds alone the choice takes all of them.
      const double limit = *job_.automatic->seconds;
      sampling = job_.automatic->pictures ? std::min(sampling, limit) : limit;
    }
    if (finals > 0) sampling += static_cast<double>(finals) * image_seconds(false);
    const double learns = learning ? estimate_->learning(*learning) : 0;
    if (sampling >= 0 && learns >= 0) {
      plan.seconds = learns + sampling;
      std::vector<ProgressMeter::Planned> stages;
      if (learning) stages.push_back({kLearningStage, learns});
      if (missing > 0) stages.push_back({kSamplingStage, sampling});
      context_.meter().plan(std::move(stages));
    }
  }
  context_.listener().plan(plan);
}

void EditPlanner::next_round(const LearnOptions* learning, const std::vector<Candidate>& images,
                             std::size_t scored, bool is_last) {
  const double each = image_seconds(true);
  if (each < 0 || images.empty()) return;
  std::vector<ProgressMeter::Planned> stages;
  if (learning) stages.push_back({kLearningStage, estimate_->learning(*learning)});
  double now = 0, later = 0;
  for (const auto& image : images) now += estimate_->image(image.sample, job_.drawing);
  stages.push_back({kSamplingStage, now});
  const auto so_far = scored + images.size();
  const auto& limit = job_.automatic->seconds;
  if (!is_last) {
    later = each * static_cast<double>(std::max(so_far, most_candidates()) - so_far);
    if (limit) {
      if (!job_.automatic->pictures) later = *limit;
      later = std::min(later, std::max(0.0, *limit - each * static_cast<double>(so_far)));
    }
    const auto last = final_images() + AutoEdit::always_drawn(requests_).size();
    later += static_cast<double>(last) * image_seconds(false);
  }
  if (later > 0) stages.push_back({kSamplingStage, later});
  context_.meter().plan(std::move(stages));
}

void EditPlanner::tell_dry_run(const StableDiffusion& model, const Frame& frame,
                               const LearnOptions* learning) {
  const auto plan = job_.automatic ? AutoEdit::always_drawn(requests_) : plan_edit(requests_);
  tell(model, frame, learning, plan.size() + (job_.automatic ? most_images() : 0), 0);
  if (learning && !job_.learn.save.empty()) note_planned_file(job_.learn.save, context_);
  for (const auto& candidate : plan) note_planned_file(job_.out / (candidate.stem + ".png"), context_);
  for (const auto& request : requests_) {
    if (!request.sample.protect) continue;
    for (const auto& target : request.targets) note_planned_file(job_.out / area_file_name(target), context_);
  }
  if (job_.automatic) note_planned_file(job_.out / "NUMBER-TARGET_STRENGTH_STRATEGY_SEED.png", context_);
  for (const char* name : {kSheetFile, kReportFile, kRecordFile})
    note_planned_file(job_.out / name, context_);
  if (job_.automatic) note_planned_file(job_.out / kChartFile, context_);
  if (std::error_code error; std::filesystem::exists(job_.out / kRecordFile, error)) {
    context_.note("finished images in " + job_.out.string() + " are kept");
  }
}

std::size_t EditPlanner::most_candidates() const {
  return job_.automatic->pictures.value_or(kAutoPictures) * all_targets(requests_).size();
}

std::size_t EditPlanner::final_images() const {
  std::size_t count = 0;
  for (const auto& request : requests_) count += forgedit::final_images(*job_.automatic, request);
  return count;
}

/// On average over the job's sweeps; negative where nothing can be said.
double EditPlanner::image_seconds(bool of_candidates) const {
  if (!estimate_) return -1;
  double seconds = 0;
  for (const auto& request : requests_) {
    auto sample = of_candidates ? candidate_sample(*job_.automatic, request) : request.sample;
    // A pair of texts takes as long as a step with guidance.
    if (of_candidates && model_judges_) sample.steps += DiffusionClassifier::kPairs;
    seconds += estimate_->image(sample, job_.drawing);
  }
  return seconds / static_cast<double>(requests_.size());
}

}  // namespace forgedit
