#pragma once

#include <optional>
#include <string>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/pipelines/sampling/diffusion_classifier.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// The diffusion model as the judge of its own edits, for the automatic choice without a CLIP model.
class ModelJudge {
 public:
  /// `model` must outlive this. `original` is in the size of results.
  ModelJudge(StableDiffusion& model, const Frame& frame, Image original, std::string source)
      : model_(model), frame_(frame), original_(std::move(original)), source_(std::move(source)) {}

  /// Scores under kDiffusionDirection and kBeyondOriginal; none of what is no edit. `session`: where one has
  /// learned weights in the network, which then gets its own back; else null.
  EditScores score(const Candidate& candidate, const Image& edited, EditSession* session);

 private:
  /// With the padding that the model saw while it learned.
  Image in_grid(const Image& image) const;

  StableDiffusion& model_;
  Frame frame_;
  Image original_;
  std::string source_;
  std::optional<DiffusionClassifier> classifier_;  // from the first score on
};

}  // namespace forgedit
