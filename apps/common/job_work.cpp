#include "apps/common/job_work.h"

#include "forgedit/jobs/drawn_candidate.h"
#include "forgedit/jobs/edit_check.h"
#include "forgedit/jobs/sweep.h"

namespace forgedit {
namespace {

void add_learning(const LearnRequest& request, JobWork& work) {
  work.learning = learning_name(request.options);
  const bool is_models_own = follows_model(request) && request.chosen.count("samples") == 0;
  work.samples = is_models_own ? 0 : request.options.samples + request.options.embedding_samples;
  work.batch = request.options.batch;
  if (!request.size) return;
  work.width = request.size->first;
  work.height = request.size->second;
}

struct Work {
  JobWork operator()(const EditJob& job) const {
    JobWork work;
    if (job.from.empty()) add_learning(job.learn, work);
    const auto requests = check_edit_settings(job).requests;
    if (!job.automatic) {
      for (const auto& candidate : plan_edit(requests)) add(candidate.sample, 1, work);
      return work;
    }
    for (const auto& request : requests) {
      const auto candidates = job.automatic->pictures.value_or(0) * request.targets.size();
      add(candidate_sample(*job.automatic, request), candidates, work);
      add(request.sample, final_images(*job.automatic, request), work);
    }
    add(requests.front().sample, 1, work);  // the reconstruction
    return work;
  }
  JobWork operator()(const LearnRequest& request) const {
    JobWork work;
    add_learning(request, work);
    return work;
  }
  JobWork operator()(const DrawRequest& request) const {
    JobWork work;
    add(drawn_candidate(request).sample, 1, work);
    return work;
  }
  JobWork operator()(const CaptionRequest&) const { return {}; }
  JobWork operator()(const ExportRequest&) const { return {}; }
  JobWork operator()(const ScoreRequest&) const { return {}; }

  static void add(const SampleOptions& sample, std::size_t images, JobWork& work) {
    work.images += static_cast<std::int64_t>(images);
    work.steps += static_cast<std::int64_t>(images) * sample.steps_taken();
  }
};

}  // namespace

JobWork work_of(const JobRequest& request) {
  return std::visit(Work(), request);
}

std::string learning_name(const LearnOptions& options) {
  const auto name = learn_method_name(options.method);
  return options.tuning == Tuning::full ? name : name + " " + tuning_name(options.tuning);
}

}  // namespace forgedit
