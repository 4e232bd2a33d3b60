#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/records/model_defaults.h"

namespace forgedit {

/// Parses "published" or "story". Throws a usage Error otherwise.
SweepRequest::Preset parse_preset(const std::string& name);

/// Returns true for "published", the only preset of a learn job. Throws a usage Error otherwise.
bool is_published_preset(const std::string& name);

/// Throws a usage Error if `sweep` sets a strength that belongs to the other interpolation.
void check_interpolation(const SweepRequest& sweep, Interpolation interpolation);

/// Returns `request` with the settings that `given` has, except the preset.
EditRequest with_settings(EditRequest request, const SweepRequest& given);

/// Whether settings that the user did not set come from the model's defaults: method vanilla, without LoRA
/// adapters and without the published preset.
bool follows_model(const LearnRequest& request);

/// Replaces settings that the user did not set by the model's own defaults: those of fine-tuning if
/// follows_model, those of sampling if there is no preset. Returns the defaults that were used.
ModelDefaults follow_model(LearnRequest& request, const ModelDefaults& defaults);
ModelDefaults follow_model(SweepRequest& sweep, const ModelDefaults& defaults);

/// Returns one request for all `targets`. `automatic`: without a preset, the search space of the automatic
/// choice (auto_sweep).
EditRequest make_request(const SweepRequest& sweep, LearnMethod method, std::vector<std::string> targets,
                         bool automatic = false);

/// Returns the prompts of all requests, in order.
std::vector<std::string> all_targets(const std::vector<EditRequest>& requests);

/// The sampling options of candidates of the automatic choice for `request`.
SampleOptions candidate_sample(const AutoRequest& asked, const EditRequest& request);
/// The number of candidates that it generates again at the end, with all steps of `request`.
std::size_t final_images(const AutoRequest& asked, const EditRequest& request);

}  // namespace forgedit
