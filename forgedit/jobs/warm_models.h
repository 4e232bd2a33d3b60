#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/jobs/captioning.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/learning_thread.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/scoring.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/metrics/safety_judge.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// A saved edit whose weights are in the network: one more of its images takes only sampling and decoding.
struct WarmSession {
  WarmSession(std::string files, LearnedPicture picture, StableDiffusion& network)
      : stamp(std::move(files)),
        model(network),
        learned(std::move(picture)),
        session(model, learned.result, learned.grid) {}

  std::string stamp;  ///< stamp of the files that were read (saved_edit_stamp)
  StableDiffusion& model;
  LearnedPicture learned;
  EditSession session;
};

/// Whether the weights that the previous job learned stay in memory.
enum class LearnedBefore { drop, keep };

/// The networks of one engine. They are loaded when a job first needs them, and kept for the next jobs.
class WarmModels {
 public:
  /// `keep`: more jobs will follow. Otherwise the captioner is released before the model is loaded.
  WarmModels(ModelRequest request, bool keep) : request_(std::move(request)), keep_(keep) {}

  const ModelRequest& request() const { return request_; }
  /// Returns the model and device. Throws Error if there is no such model or device.
  const ModelChoice& choice(JobContext& job);
  /// Returns the model with its own weights and a memory plan for this job; a warm session ends. Throws Error
  /// if it cannot be read or does not fit.
  StableDiffusion& model(JobContext& job, const MemoryNeed& need = {},
                         LearnedBefore learned = LearnedBefore::drop);
  /// Keeps the weights learned from `picture` for a next job that learns the same. Does nothing if `keep` is
  /// false.
  void keep_learned(const PictureToLearn& picture, const LearnResult& result);
  /// Returns the weights that the previous job learned, if they are those of `wanted`. Otherwise returns null
  /// and frees their memory.
  const LearnResult* learned_before(const PictureToLearn& wanted);
  /// Returns a session with the saved edit in the model, for images one at a time. It stays until another one
  /// is requested, its files change or something else needs the model. Throws Error if saved edit or model
  /// cannot be read, or if they do not match.
  WarmSession& session(JobContext& job, const std::filesystem::path& saved);
  /// Ends the warm session and restores the model's own weights.
  void end_session() { session_.reset(); }
  /// Writes a caption of the picture. Throws a usage Error for `field` if there is no captioner.
  std::string caption(const std::string& captioner, const Image& picture, const CaptionSearch& search,
                      const std::string& field, JobContext& job);
  /// Returns the scorer with these weights, on `device`. Loads it if another one is in memory.
  EditScorer& judge(const ScorerFiles& files, const c10::Device& device);

  /// Returns the safety checker in the model's folder, on `device`. Loads it if needed.
  SafetyJudge& safety(const std::filesystem::path& model_folder, const c10::Device& device);

  /// Does what comes before a model is read: prepares computing and releases memory that the model can use.
  /// Else `model` does it. Call it before another thread uses the GPU, which neither may disturb.
  void make_ready(JobContext& job);

  /// The thread that fine-tunes the model in bfloat16 on a GPU.
  LearningThread& learning_thread() { return learning_thread_; }

  /// Whether the model is in memory.
  bool has_model() const { return model_.has_value(); }
  /// Releases all memory.
  void unload();

 private:
  ModelRequest request_;
  bool keep_;
  std::optional<ModelChoice> choice_;
  bool is_ready_ = false;  // for the next model that is read
  std::optional<StableDiffusion> model_;
  std::string captioner_name_;
  std::optional<Captioner> captioner_;
  std::vector<std::string> judge_files_;
  std::optional<EditScorer> judge_;
  std::string safety_place_;
  std::optional<SafetyJudge> safety_;
  std::optional<WarmSession> session_;     // uses model_
  std::optional<LearnedPicture> learned_;  // learned by the previous job, with model_
  LearningThread learning_thread_;         // last: it may use the model until it ends
};

}  // namespace forgedit
