#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/metrics/edit_scorer.h"

namespace forgedit {

/// The CLIP models that are searched for in the Hugging Face cache, best first: ORG/NAME.
std::span<const char* const> published_clips();

/// Files for a scorer: those of the request; without one, CLIP from `model_folder`, or OpenAI's from the
/// Hugging Face cache.
ScorerFiles find_scorer_files(const ScoreFiles& asked, const std::filesystem::path& model_folder,
                              const Places& places);

/// Throws a usage Error where `files` have no CLIP model.
void require_clip(const ScorerFiles& files, const std::filesystem::path& model_folder, const Places& places);

/// Files for the judges of the automatic choice, as find_scorer_files. CLIP may be missing, but not for
/// Imagic, which has no caption beside the prompt that the diffusion model could compare.
ScorerFiles find_judges(const AutoRequest& asked, LearnMethod method,
                        const std::filesystem::path& model_folder, const Places& places);

/// A CLIP folder's name for records: its last part, or ORG/NAME in the Hugging Face cache.
std::string clip_name(const std::filesystem::path& folder);

/// Scores by key; the PSNR of equal pictures is "inf", for which JSON has no number.
nlohmann::json scores_json(const EditScores& scores);

/// Says which metrics are skipped, and why: EditScorer::left_out.
void note_skipped(const std::map<std::string, std::string>& skipped, JobContext& job);

}  // namespace forgedit
