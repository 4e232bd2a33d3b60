#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/jobs/learn_check.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"
#include "forgedit/jobs/warm_up.h"
#include "forgedit/pipelines/learning/learn_picture.h"
#include "forgedit/pipelines/model/picture_grid.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

/// Throws Error for mistakes that can be found before any file is read.
void check_learn_request(const LearnRequest& request);

/// Checks the request against the picture and the model's config.json before weights are read. Throws a usage
/// Error for sizes that the model cannot generate, for dreambooth with two text encoders, and if `save` would
/// replace a different saved edit.
void prepare_learning(const LearnRequest& request, const Image& picture, const ModelChoice& choice);

/// Encodes the picture as learn_and_save does. Returns nothing if that fails, for lack of memory beside a
/// warm-up, say: learn_and_save then tries again.
std::optional<EncodedPicture> encode_ahead(const LearnRequest& request, const Image& picture,
                                           const ModelChoice& choice, StableDiffusion& model);

/// What is prepared for fine-tuning before it starts.
struct LearningAhead {
  std::optional<EncodedPicture> picture;
  std::shared_ptr<const WarmUp> warm_up;  ///< complete when LearningThread::wait returns; may be null
  WarmUpParts sampling_warm_up;           ///< for use while it fine-tunes; may be empty
};

/// Prepares a GPU for fine-tuning on a picture while the model is read.
class PreparedLearning {
 public:
  PreparedLearning() = default;
  /// Waits for the warm-up, because nothing else may compute in 16 bits beside it (can_sample_meanwhile).
  ~PreparedLearning() { wait(); }
  PreparedLearning(const PreparedLearning&) = delete;
  PreparedLearning& operator=(const PreparedLearning&) = delete;

  /// Starts warm_up_learning on the learning thread. Does nothing if that thread was used before, if the
  /// model is in memory already, or if it would not help.
  void begin(const LearnRequest& request, const Image& picture, const ModelChoice& choice, WarmModels& models,
             JobContext& job);
  /// Once the model is read: encodes the picture, beside the warm-up, in float32. `batches`: numbers of
  /// images per batch when sampling after fine-tuning.
  LearningAhead end(const LearnRequest& request, const Image& picture, const ModelChoice& choice,
                    StableDiffusion& model, const std::vector<std::int64_t>& batches) const;
  /// Waits for the warm-up.
  void wait() {
    if (thread_) thread_->wait();
  }

 private:
  LearningThread* thread_ = nullptr;  // null if nothing was begun
  std::shared_ptr<WarmUp> warm_up_;
};

/// Writes the source prompt for a picture without one, and sends it to the listener: see source_prompt.
std::string write_source(const LearnRequest& request, const std::vector<std::string>& targets,
                         const Image& picture, WarmModels& models, JobContext& job);

/// Warns once of each text that is longer than the model reads.
void warn_of_long_texts(const std::vector<std::string>& texts, const StableDiffusion& model, JobContext& job);

/// The memory that fine-tuning on `picture` needs.
MemoryTask learning_need(const LearnRequest& request, const Image& picture, const StableDiffusion& model);

/// Collects all that is known of `picture` (the file's contents) before fine-tuning.
PictureToLearn picture_to_learn(const LearnRequest& request, const Image& picture, const ModelChoice& choice,
                                const StableDiffusion& model);

/// Whether `request.save` contains the weights that fine-tuning on `picture` would give. Throws a usage Error
/// if it contains anything else and may not be overwritten.
bool is_saved_already(const LearnRequest& request, const PictureToLearn& picture);

/// Returns the picture with the learned weights of a saved edit that has the same settings.
LearnedPicture take_saved(PictureToLearn picture, const std::filesystem::path& saved,
                          const StableDiffusion& model, JobContext& job);

/// Returns the picture with the weights that the previous job learned: see WarmModels::learned_before.
LearnedPicture take_learned(PictureToLearn picture, const LearnResult& before, JobContext& job);

/// Runs `learn` on `thread`. If there was a warm-up, it also prepares sampling on this thread, beside `learn`
/// where can_sample_meanwhile, else before it. A failure of that is only noted.
void learn_on(LearningThread& thread, const LearningThread::Work& learn, const LearnOptions& options,
              const LearningAhead& ahead, JobContext& job);

/// Fine-tunes on the picture, in bfloat16 on a GPU on `thread` unless memory is limited, and saves the
/// weights if `request.save` is set.
LearnedPicture learn_and_save(PictureToLearn picture, const LearnRequest& request, const ModelChoice& choice,
                              StableDiffusion& model, LearningThread& thread, JobContext& job,
                              LearningAhead ahead = {});

}  // namespace forgedit
