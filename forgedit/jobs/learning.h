#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/learn_check.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"
#include "forgedit/pipelines/model/picture_grid.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

/// What can be found wrong before any file is read.
void check_learn_request(const LearnRequest& request);

/// What the picture's file and the model's config.json say before weights are read: throws a usage Error for
/// sizes that the model cannot generate, for dreambooth where it has two text encoders, and where `save`
/// would replace something else than the same again.
void prepare_learning(const LearnRequest& request, const Image& picture, const ModelChoice& choice);

/// The source prompt for a picture without one, which the listener hears of: see source_prompt.
std::string write_source(const LearnRequest& request, const std::vector<std::string>& targets,
                         const Image& picture, WarmModels& models, JobContext& job);

/// Warns of texts that are longer than the model reads, of each once.
void warn_of_long_texts(const std::vector<std::string>& texts, const StableDiffusion& model, JobContext& job);

/// What learning `picture` needs memory for.
MemoryTask learning_need(const LearnRequest& request, const Image& picture, const StableDiffusion& model);

/// All that is known of `picture` (the file's contents) before it is learned.
PictureToLearn picture_to_learn(const LearnRequest& request, const Image& picture, const ModelChoice& choice,
                                const StableDiffusion& model);

/// Whether `request.save` holds what learning `picture` would give. Throws a usage Error when it holds
/// anything else and may not be overwritten.
bool is_saved_already(const LearnRequest& request, const PictureToLearn& picture);

/// The picture with what a saved edit of the same learning holds.
LearnedPicture take_saved(PictureToLearn picture, const std::filesystem::path& saved,
                          const StableDiffusion& model, JobContext& job);

/// The picture with what the job before learned of it: see WarmModels::learned_before.
LearnedPicture take_learned(PictureToLearn picture, const LearnResult& before, JobContext& job);

/// Learns the picture, and saves it where that was asked for.
LearnedPicture learn_and_save(PictureToLearn picture, const LearnRequest& request, const ModelChoice& choice,
                              StableDiffusion& model, JobContext& job);

}  // namespace forgedit
