#include "forgedit/jobs/warm_models.h"

namespace forgedit {

const ModelChoice& WarmModels::choice(JobContext& job) {
  if (!choice_) choice_ = choose_model(request_, job);
  return *choice_;
}

StableDiffusion& WarmModels::model(JobContext& job, const MemoryNeed& need) {
  if (!model_) {
    if (!keep_) captioner_.reset();
    model_ = load_model(choice(job), job, need);
  } else if (need) {
    model_->place(settle_memory(*choice_, need(*model_)));
  }
  return *model_;
}

std::string WarmModels::caption(const std::string& captioner, const Image& picture,
                                const CaptionSearch& search, const std::string& field, JobContext& job) {
  if (!captioner_ || captioner_name_ != captioner) {
    const auto beside = captioner.empty() ? choice(job).folder : std::filesystem::path();
    const auto place = find_captioner(captioner, beside, job.places(), field);
    captioner_ = load_captioner(place, parse_device(request_.device), job);
    captioner_name_ = captioner;
  }
  return captioner_->caption(picture, search);
}

EditScorer& WarmModels::judge(const ScorerFiles& files, const c10::Device& device) {
  std::vector<std::string> names{files.clip.string(), device.str()};
  for (const auto& path : files.lpips) names.push_back(path.string());
  if (!judge_ || judge_files_ != names) {
    judge_.emplace(files, device);
    judge_files_ = std::move(names);
  }
  return *judge_;
}

void WarmModels::unload() {
  judge_.reset();
  captioner_.reset();
  model_.reset();
}

}  // namespace forgedit
