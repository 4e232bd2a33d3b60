#pragma once

#include <optional>
#include <string>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/pipelines/sampling/diffusion_classifier.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// Scores edits with the diffusion model itself, for the automatic choice without a CLIP model.
class ModelJudge {
 public:
  /// `model` must outlive this. `original` has the size of the results.
  ModelJudge(StableDiffusion& model, const Frame& frame, Image original, std::string source)
      : model_(model), frame_(frame), original_(std::move(original)), source_(std::move(source)) {}

  /// Returns scores with the keys kDiffusionDirection and kBeyondOriginal; empty for images that are not
  /// edits. Pass the session whose learned weights are in the network, or null; the session restores them for
  /// its next batch.
  EditScores score(const Candidate& candidate, const Image& edited, EditSession* session);

 private:
  /// Adds the padding that the model saw while fine-tuning.
  Image in_grid(const Image& image) const;

  StableDiffusion& model_;
  Frame frame_;
  Image original_;
  std::string source_;
  std::optional<DiffusionClassifier> classifier_;  // created by the first score
};

}  // namespace forgedit
