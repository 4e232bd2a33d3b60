#include "forgedit/jobs/edit_learning.h"

#include <chrono>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/jobs/edit_notes.h"
#include "forgedit/pipelines/records/attach_to_model.h"

namespace forgedit {

void EditLearning::lock_save() {
  if (!job_.learn.save.empty()) save_lock_.emplace(job_.learn.save);
}

void EditLearning::read_from() {
  learned_ = job_.dry_run ? read_saved_record(job_.from) : read_saved_edit(job_.from);
}

void EditLearning::begin_preparing(const Image& picture) {
  prepared_.begin(job_.learn, picture, models_.choice(context_), models_, context_);
}

void EditLearning::end_preparing(const Image& picture, StableDiffusion& model,
                                 const std::vector<std::int64_t>& batches) {
  ahead_ = prepared_.end(job_.learn, picture, models_.choice(context_), model, batches);
}

void EditLearning::find_weights(const Image& picture, StableDiffusion& model) {
  if (learned_) {
    attach_to_model(*learned_, model, job_.from.string());
    say_learned_for(*learned_, context_);
    return;
  }
  auto& learn = job_.learn;
  to_learn_ = picture_to_learn(learn, picture, models_.choice(context_), model);
  if (learn.choose_save && learn.save.empty()) {
    learn.save = learn.choose_save(*to_learn_);
    lock_save();
  }
  if (!learn.save.empty()) {
    must_save_ = !is_saved_already(learn, *to_learn_);
    return;
  }
  before_ = models_.learned_before(*to_learn_);
  if (job_.keep_learning) kept_.emplace(job_.out, *to_learn_);
}

void EditLearning::find_saved(const Image& picture, const StableDiffusion& model) {
  if (learned_) return;
  to_learn_ = picture_to_learn(job_.learn, picture, models_.choice(context_), model);
  must_save_ = job_.learn.save.empty() || !is_saved_already(job_.learn, *to_learn_);
}

const LearnOptions* EditLearning::to_do() const {
  const bool exists = learned_ || before_ || (kept_ && kept_->has(*to_learn_));
  const bool is_saved = !job_.learn.save.empty() && !must_save_;
  return exists || is_saved ? nullptr : &job_.learn.options;
}

LearnedPicture EditLearning::take_or_learn(StableDiffusion& model) {
  prepared_.wait();
  auto ahead = std::exchange(ahead_, {});
  const auto learn = [&] {
    return learn_and_save(*to_learn_, job_.learn, models_.choice(context_), model, models_.learning_thread(),
                          context_, std::move(ahead));
  };
  if (must_save_) return learn();
  if (const auto& save = job_.learn.save; !save.empty()) return take_saved(*to_learn_, save, model, context_);
  if (!before_ && kept_ && kept_->has(*to_learn_)) {
    try {
      return take_saved(*to_learn_, kept_->place(), model, context_);
    } catch (const Error& error) {
      context_.note(std::string(error.what()) + ": fine-tuning again");
    }
  }
  const auto start = std::chrono::steady_clock::now();
  auto learned = before_ ? take_learned(*to_learn_, *before_, context_) : learn();
  if (kept_ && !(before_ && kept_->has(*to_learn_)))
    kept_->begin_writing(learned, model.policy.device, KeptLearning::delay_since(start), context_);
  return learned;
}

const LearnedPicture& EditLearning::make(StableDiffusion& model) {
  learned_ = take_or_learn(model);
  if (!before_ && !job_.learn.choose_save) models_.keep_learned(*to_learn_, learned_->result);
  return *learned_;
}

void EditLearning::keep() {
  if (kept_) kept_->end_writing(context_);
}

void EditLearning::drop() {
  if (kept_) kept_->drop(*to_learn_, context_);
}

}  // namespace forgedit
