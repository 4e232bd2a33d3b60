#include "forgedit/jobs/model_judge.h"

#include "forgedit/io/pictures/resample.h"
#include "forgedit/pipelines/choice/auto_choice.h"

namespace forgedit {

EditScores ModelJudge::score(const Candidate& candidate, const Image& edited, EditSession* session) {
  if (candidate.kind != Candidate::Kind::edit) return {};
  if (session) session->use_original_weights();
  if (!classifier_) classifier_.emplace(model_, in_grid(original_), source_);
  const auto fit = classifier_->judge(in_grid(edited), candidate.target);
  return {{kDiffusionDirection, fit.direction}, {kBeyondOriginal, fit.beyond_original}};
}

Image ModelJudge::in_grid(const Image& image) const {
  auto frame = frame_;
  frame.source_width = frame.width;
  frame.source_height = frame.height;
  return to_grid(resize(image, frame.width, frame.height, Resample::lanczos), frame);
}

}  // namespace forgedit
