#include "forgedit/jobs/warm_models.h"

#include "forgedit/pipelines/records/attach_to_model.h"

namespace forgedit {
namespace {

/// Bytes of a GPU; 0 on a CPU, whose plans look at the whole process.
std::int64_t gpu_bytes(const torch::Tensor& tensor) {
  return tensor.is_cuda() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
}

std::int64_t gpu_bytes(const LearnResult& learned) {
  std::int64_t bytes = 0;
  for (const auto* state : {&learned.unet, &learned.lora, &learned.text_encoder}) {
    for (const auto& [name, tensor] : *state) bytes += gpu_bytes(tensor);
  }
  return bytes;
}

std::int64_t gpu_bytes(const StableDiffusion& model) {
  std::int64_t bytes = 0;
  const auto add = [&](const torch::nn::Module& network) {
    for (const auto& tensor : network.parameters()) bytes += gpu_bytes(tensor);
    for (const auto& tensor : network.buffers()) bytes += gpu_bytes(tensor);
  };
  add(*model.unet);
  add(*model.vae);
  add(*model.text_encoder);
  if (model.text_encoder_2) add(*model.text_encoder_2);
  return bytes;
}

}  // namespace

const ModelChoice& WarmModels::choice(JobContext& job) {
  if (!choice_) choice_ = choose_model(request_, job);
  return *choice_;
}

StableDiffusion& WarmModels::model(JobContext& job, const MemoryNeed& need, LearnedBefore learned) {
  end_session();
  if (learned == LearnedBefore::drop) learned_.reset();
  if (!model_) {
    if (!is_ready_) make_ready(job);
    is_ready_ = false;
    return model_.emplace(load_model(*choice_, job, need));
  }
  prepare_compute(choice_->policy, choice_->threads);  // a captioner or a judge may have changed it
  // All of it counts as held. What was learned before is either all that this job learns, or gone before it
  // learns.
  const auto held = gpu_bytes(*model_) + (learned_ ? gpu_bytes(learned_->result) : 0);
  if (need) model_->place(settle_memory(*choice_, need(*model_), held));
  return *model_;
}

void WarmModels::make_ready(JobContext& job) {
  const auto& choice = this->choice(job);
  prepare_compute(choice.policy, choice.threads);
  if (!keep_) captioner_.reset();
  release_memory(choice.policy.device);
  is_ready_ = true;
}

void WarmModels::keep_learned(const PictureToLearn& picture, const LearnResult& result) {
  if (keep_) learned_ = LearnedPicture{picture, result};
}

const LearnResult* WarmModels::learned_before(const PictureToLearn& wanted) {
  if (learned_ && !learns_the_same(*learned_, wanted)) learned_.reset();
  return learned_ ? &learned_->result : nullptr;
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

SafetyJudge& WarmModels::safety(const std::filesystem::path& model_folder, const c10::Device& device) {
  auto place = model_folder.string() + " on " + device.str();
  if (!safety_ || safety_place_ != place) {
    safety_.emplace(model_folder, device);
    safety_place_ = std::move(place);
  }
  return *safety_;
}

void WarmModels::unload() {
  end_session();
  learned_.reset();
  judge_.reset();
  safety_.reset();
  captioner_.reset();
  model_.reset();
}

}  // namespace forgedit
