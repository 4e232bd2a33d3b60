#pragma once

#include <optional>

#include "forgedit/jobs/kept_learning.h"
#include "forgedit/jobs/learning.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/warm_models.h"

namespace forgedit {

/// The learned weights of an edit job. They come from a saved edit (`from`, or `save` of an earlier run),
/// from the previous job, from an earlier run into the same results folder, or from fine-tuning now.
class EditLearning {
 public:
  /// All arguments must outlive this. `job.learn.save` changes if `job.learn.choose_save` is set.
  EditLearning(EditJob& job, WarmModels& models, JobContext& context)
      : job_(job), models_(models), context_(context) {}

  /// Locks the folder of `save`, if there is one, against other processes. Throws Error if it is locked.
  void lock_save();
  /// Reads the saved edit of `from`; for a dry run only its record.
  void read_from();
  /// See PreparedLearning: call the first one before the model is read to learn `picture`, and the second one
  /// after it.
  void begin_preparing(const Image& picture);
  void end_preparing(const Image& picture, StableDiffusion& model, const std::vector<std::int64_t>& batches);
  void wait_for_preparing() { prepared_.wait(); }
  /// With `from`, moves its weights to the model. Otherwise finds out whether weights of `picture` exist
  /// already.
  void find_weights(const Image& picture, StableDiffusion& model);
  /// The same for a dry run, which loads no weights: `model` is an outline.
  void find_saved(const Image& picture, const StableDiffusion& model);

  /// Whether the weights are in memory and known to fit: after read_from and after make.
  bool is_learned() const { return learned_.has_value(); }
  /// Requires is_learned().
  const LearnedPicture& learned() const { return *learned_; }
  /// The picture and its fine-tuning settings. Requires read_from, find_weights or find_saved.
  const PictureToLearn& picture() const { return learned_ ? *learned_ : *to_learn_; }
  /// The fine-tuning that comes before the first missing image; null if its weights exist already.
  const LearnOptions* to_do() const;
  /// Whether the job has to fine-tune even if no image is missing, because `save` does not have the weights.
  bool must_save() const { return must_save_; }
  /// Returns the weights: existing ones if there are any, else fine-tunes. Requires find_weights.
  const LearnedPicture& make(StableDiffusion& model);

  /// Whether a stopped job resumes without fine-tuning again, because the results folder has the weights.
  bool is_kept() const { return kept_ && kept_->is_there(); }
  /// Completes the copy in the results folder, because the job was stopped.
  void keep();
  /// Removes the copy, because the job is complete.
  void drop();

 private:
  LearnedPicture take_or_learn(StableDiffusion& model);

  EditJob& job_;
  WarmModels& models_;
  JobContext& context_;
  std::optional<SaveLock> save_lock_;
  std::optional<PictureToLearn> to_learn_;  // empty with `from`
  PreparedLearning prepared_;
  LearningAhead ahead_;
  std::optional<LearnedPicture> learned_;
  std::optional<KeptLearning> kept_;     // with keep_learning and without `save`
  const LearnResult* before_ = nullptr;  // weights in memory, if the previous job learned the same
  bool must_save_ = false;
};

}  // namespace forgedit
