#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/jobs/captioning.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/scoring.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/metrics/safety_judge.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// A saved edit that was read, in the network: one more of its images costs only its sampling and decoding.
struct WarmSession {
  WarmSession(std::string files, LearnedPicture picture, StableDiffusion& network)
      : stamp(std::move(files)),
        model(network),
        learned(std::move(picture)),
        session(model, learned.result, learned.grid) {}

  std::string stamp;  ///< of the files that were read (saved_edit_stamp)
  StableDiffusion& model;
  LearnedPicture learned;
  EditSession session;
};

/// What becomes of what the job before learned.
enum class LearnedBefore { drop, keep };

/// The networks of one engine: found and loaded when the first job needs them, and kept for the next ones.
class WarmModels {
 public:
  /// `keep` is false where only one job will come: the captioner then goes before the model is loaded.
  WarmModels(ModelRequest request, bool keep) : request_(std::move(request)), keep_(keep) {}

  const ModelRequest& request() const { return request_; }
  /// Which model and device it is. Throws Error when there is no such model or device.
  const ModelChoice& choice(JobContext& job);
  /// The model, with its memory planned for this job and its own weights: a warm session ends. Throws Error
  /// when it cannot be read or does not fit. `meanwhile`: see load_model; not called if nothing is loaded.
  StableDiffusion& model(JobContext& job, const MemoryNeed& need = {},
                         LearnedBefore learned = LearnedBefore::drop, const Meanwhile& meanwhile = {});
  /// Keeps what learning `picture` gave for the next job that learns the same. Does nothing where only one
  /// job will come.
  void keep_learned(const PictureToLearn& picture, const LearnResult& result);
  /// The weights that the previous job learned, if those are exactly `wanted`. Else null, and their memory is
  /// freed.
  const LearnResult* learned_before(const PictureToLearn& wanted);
  /// The saved edit in the model, for images one at a time. It stays until another one is asked for, its
  /// files change or something else needs the model. Throws Error when either cannot be read, or they do not
  /// belong together.
  WarmSession& session(JobContext& job, const std::filesystem::path& saved);
  /// The model has its own weights again.
  void end_session() { session_.reset(); }
  /// A caption of the picture. `field` is what an error names where there is no captioner.
  std::string caption(const std::string& captioner, const Image& picture, const CaptionSearch& search,
                      const std::string& field, JobContext& job);
  /// The scorer with these weights, on `device`.
  EditScorer& judge(const ScorerFiles& files, const c10::Device& device);

  /// The safety checker in the model's folder, on `device`.
  SafetyJudge& safety(const std::filesystem::path& model_folder, const c10::Device& device);

  /// Whether the model is in memory.
  bool has_model() const { return model_.has_value(); }
  /// Releases all memory.
  void unload();

 private:
  ModelRequest request_;
  bool keep_;
  std::optional<ModelChoice> choice_;
  std::optional<StableDiffusion> model_;
  std::int64_t model_bytes_ = 0;  // of a GPU
  std::string captioner_name_;
  std::optional<Captioner> captioner_;
  std::vector<std::string> judge_files_;
  std::optional<EditScorer> judge_;
  std::string safety_place_;
  std::optional<SafetyJudge> safety_;
  std::optional<WarmSession> session_;     // of model_
  std::optional<LearnedPicture> learned_;  // by the job before, with model_
};

}  // namespace forgedit
