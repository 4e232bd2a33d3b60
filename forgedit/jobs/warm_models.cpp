#include "forgedit/jobs/warm_models.h"

namespace forgedit {
namespace {

/// Bytes of a GPU that tensors take now; 0 on a CPU, whose plans look at the whole process.
std::int64_t held_by_tensors(const c10::Device& device) {
  if (!device.is_cuda()) return 0;
  release_memory(device);
  reset_peak_memory(device);
  return peak_memory(device);
}

}  // namespace

const ModelChoice& WarmModels::choice(JobContext& job) {
  if (!choice_) choice_ = choose_model(request_, job);
  return *choice_;
}

StableDiffusion& WarmModels::model(JobContext& job, const MemoryNeed& need) {
  end_session();
  const auto& device = choice(job).policy.device;
  if (!model_) {
    if (!keep_) captioner_.reset();
    const auto before = held_by_tensors(device);
    model_ = load_model(*choice_, job, need);
    model_bytes_ = held_by_tensors(device) - before;
    return *model_;
  }
  prepare_compute(choice_->policy, choice_->threads);  // a captioner or a judge may have changed it
  if (need) model_->place(settle_memory(*choice_, need(*model_), model_bytes_));
  return *model_;
}

WarmSession& WarmModels::session(JobContext& job, const std::filesystem::path& saved) {
  auto stamp = saved_edit_stamp(saved);
  if (session_ && session_->stamp == stamp) return *session_;
  end_session();
  auto learned = read_saved_edit(saved);
  auto& network = model(job, [&](const StableDiffusion& loaded) {
    auto task = loaded.memory_task(learned.frame.grid_width, learned.frame.grid_height);
    add_learned(task, loaded, learned.options);
    task.draw_batch = 1;
    return task;
  });
  attach_to_model(learned, network, saved.string());
  return session_.emplace(std::move(stamp), std::move(learned), network);
}

std::string WarmModels::caption(const std::string& captioner, const Image& picture,
                                const CaptionSearch& search, const std::string& field, JobContext& job) {
  if (!captioner_ || captioner_name_ != captioner) {
    const int threads = request_.threads > 0 ? request_.threads : job.places().threads;
    const auto beside = captioner.empty() ? choice(job).folder : std::filesystem::path();
    const auto place = find_captioner(captioner, beside, job.places(), field);
    captioner_ = load_captioner(place, parse_device(request_.device), threads, job);
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
  end_session();
  judge_.reset();
  captioner_.reset();
  model_.reset();
}

}  // namespace forgedit
