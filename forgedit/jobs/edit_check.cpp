#include "forgedit/jobs/edit_check.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/jobs/learn_check.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/story.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/records/saved_subject.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

std::vector<EditRequest> make_requests(const EditJob& job, LearnMethod method) {
  const auto base = make_request(job.sweep, method, job.targets, job.automatic.has_value());
  if (job.story.empty()) {
    check_interpolation(job.sweep, base.interpolation);
    return {base};
  }
  return requests_of_story(job.story, base);
}

/// Results must not land on the picture itself or inside of what is saved.
void check_nothing_is_overwritten(const EditJob& job, const std::vector<EditRequest>& requests) {
  if (job.out.empty()) return;  // the caller has not chosen yet
  const auto complain = [&](const std::string& what) {
    throw usage_error("out", job.out.string() + what + "; choose another folder");
  };
  if (std::error_code missing; !job.from.empty()) {
    if (fs::equivalent(job.from, job.out, missing)) complain(" is the saved edit itself");
    return;
  }
  const auto out = fs::absolute(job.out).lexically_normal();
  if (!job.learn.save.empty()) {
    const auto relative = out.lexically_relative(fs::absolute(job.learn.save).lexically_normal());
    if (!relative.empty() && *relative.begin() != "..") complain(" is inside of " + job.learn.save.string());
  }
  const auto picture = job.learn.picture;
  if (std::error_code missing;
      job.automatic && fs::equivalent(fs::absolute(picture).parent_path(), out, missing)) {
    complain(": the automatic choice would write its results beside " + picture.string());
  }
  std::vector<std::string> names{kSheetFile, kReportFile};
  for (const auto& candidate : plan_edit(requests)) names.push_back(candidate.stem + ".png");
  for (const auto& name : names) {
    std::error_code missing;
    if (fs::equivalent(picture, out / name, missing)) {
      complain(": a result would overwrite " + picture.string());
    }
  }
}

void check_region_settings(const EditJob& job) {
  if (!job.region) return;
  if (!job.from.empty()) {
    throw usage_error(
        "region",
        "cannot be combined with a saved edit, which does not contain the whole picture. Edit the picture "
        "itself");
  }
  if (!job.results_at_source_size()) {
    throw usage_error("output_size",
                      "model cannot be combined with region: its results have the size of the whole picture");
  }
}

void check_what_stays(const EditJob& job, const std::vector<EditRequest>& requests) {
  const bool protects = any_protects(requests);
  if (protects && !job.mask.empty()) {
    throw usage_error("protect", "cannot be combined with mask: both set what may change");
  }
  if ((protects || !job.mask.empty()) && !job.from.empty() && job.results_at_source_size()) {
    throw usage_error(
        protects ? "protect" : "mask",
        "works only at the model's size with a saved edit, which contains the picture at that size. Edit "
        "the picture itself for results at its own size");
  }
}

}  // namespace

bool any_protects(const std::vector<EditRequest>& requests) {
  return std::any_of(requests.begin(), requests.end(),
                     [](const EditRequest& request) { return request.sample.protect; });
}

EditSubject check_edit_settings(const EditJob& job) {
  for (const auto& target : job.targets) {
    if (!is_text(target))
      throw usage_error("target", "is not valid text: expected UTF-8 without control characters");
  }
  if (job.targets.empty() && job.story.empty()) {
    throw usage_error("target", "give the prompt of the edit");
  }
  if (!job.targets.empty() && !job.story.empty()) {
    throw usage_error("target", "cannot be combined with a story, which has its own targets");
  }
  EditSubject subject{job.learn.picture.filename().string(), job.learn.options.method, {}};
  if (!job.from.empty()) {
    const auto saved = read_saved_subject(job.from);
    subject.picture_name = saved.picture_name;
    subject.method = saved.method;
  }
  subject.requests = make_requests(job, subject.method);
  plan_edit(subject.requests);
  if (job.from.empty()) {
    auto learn = job.learn;
    if (subject.method == LearnMethod::imagic) {
      if (subject.requests.size() > 1 || subject.requests.front().targets.size() > 1) {
        throw usage_error("method", "imagic trains for one target, got several");
      }
      use_target_as_source(learn, subject.requests.front().targets.front());
    }
    check_learn_settings(learn);
  }
  if (!job.from.empty() && !job.learn.save.empty()) {
    throw usage_error("save", "cannot be combined with a saved edit, which is fine-tuned already");
  }
  check_what_stays(job, subject.requests);
  check_region_settings(job);
  if (!job.out.empty()) with_field("out", [&] { check_folder_can_be_made(job.out); });
  check_nothing_is_overwritten(job, subject.requests);
  return subject;
}

}  // namespace forgedit
