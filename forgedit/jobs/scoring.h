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

/// Finds the files of a scorer: those of the request. If it names no CLIP model, CLIP comes from clip/ in
/// `model_folder`, else from the Hugging Face cache (published_clips); the result may have none. Throws Error
/// if a named file is missing.
ScorerFiles find_scorer_files(const ScoreFiles& asked, const std::filesystem::path& model_folder,
                              const Places& places);

/// Throws a usage Error if `files` has no CLIP model.
void require_clip(const ScorerFiles& files, const std::filesystem::path& model_folder, const Places& places);

/// Finds the files of the scorer for the automatic choice: see find_scorer_files. CLIP may be missing except
/// for Imagic, where the diffusion model has no caption to compare the prompt with. Throws a usage Error if
/// it is missing then.
ScorerFiles find_judges(const AutoRequest& asked, LearnMethod method,
                        const std::filesystem::path& model_folder, const Places& places);

/// A CLIP folder's name for records: its last part, or ORG/NAME in the Hugging Face cache.
std::string clip_name(const std::filesystem::path& folder);

/// Scores by key. Infinite values, such as the PSNR of equal pictures, become "inf", because JSON has no
/// number for them.
nlohmann::json scores_json(const EditScores& scores);

/// Notes which metrics are skipped, and why: see EditScorer::skipped.
void note_skipped(const std::map<std::string, std::string>& skipped, JobContext& job);

}  // namespace forgedit
