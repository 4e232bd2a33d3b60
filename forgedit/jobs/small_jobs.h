#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"
#include "forgedit/metrics/edit_scorer.h"

namespace forgedit {

// Jobs that need only a few calls of the library. Each throws Error if it fails, and Cancelled if the stop
// flag is set.

/// Captions the pictures in the order of the request. The listener receives each caption as soon as it is
/// written.
void run_caption(const CaptionRequest& request, WarmModels& models, JobContext& context);

/// Checks a request to fine-tune. Throws Error for mistakes in it, and if `save` is empty.
void check_learn(LearnRequest request);

/// Fine-tunes on a picture and saves the weights. An existing saved edit with the same settings is kept, with
/// a note.
void run_learn(LearnRequest request, WarmModels& models, JobContext& context);

/// Writes a saved edit for other programs. Always computes in float32: `models` must say so.
void run_export(const ExportRequest& request, WarmModels& models, JobContext& context);

/// Generates one more image of a saved edit: see Engine::draw_one.
Image run_draw(DrawRequest request, WarmModels& models, JobContext& context);

/// The scores of one edited picture.
struct ScoredPicture {
  std::string name;
  int width, height;
  EditScores scores;
};

/// Converts scores to the form of JobListener::scored.
nlohmann::json scored_json(const ScoredPicture& picture);

/// The scores in the order of the request's pictures, and the skipped metrics, which are also noted.
struct Scoring {
  std::vector<ScoredPicture> pictures;
  ScorerFiles files;
  std::map<std::string, std::string> skipped;  ///< reasons by metric
};
Scoring run_score(const ScoreRequest& request, WarmModels& models, JobContext& context);

}  // namespace forgedit
