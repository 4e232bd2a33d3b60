#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/records/model_defaults.h"

namespace forgedit {

/// "published" or "story". Throws a usage Error otherwise.
SweepRequest::Preset parse_preset(const std::string& name);

/// True for "published", the one preset of learning alone. Throws a usage Error otherwise.
bool is_published_preset(const std::string& name);

/// Throws a usage Error for a strength that belongs to the other interpolation.
void check_interpolation(const SweepRequest& sweep, Interpolation interpolation);

/// `request` with all that is given, but for the preset.
EditRequest with_settings(EditRequest request, const SweepRequest& given);

/// Whether what nobody chose of learning is the model's to say: method vanilla, without a LoRA, and not by
/// its published schedule.
bool follows_model(const LearnRequest& request);

/// Sets what nobody chose to the model's own defaults: of learning if that follows the model, of sampling if
/// there is no preset. Returns those that were used.
ModelDefaults follow_model(LearnRequest& request, const ModelDefaults& defaults);
ModelDefaults follow_model(SweepRequest& sweep, const ModelDefaults& defaults);

/// One request for all `targets`. `automatic`: without a preset, what the automatic choice searches.
EditRequest make_request(const SweepRequest& sweep, LearnMethod method, std::vector<std::string> targets,
                         bool automatic = false);

/// The prompts of all requests, in their order.
std::vector<std::string> all_targets(const std::vector<EditRequest>& requests);

/// How the automatic choice samples candidates of `request`.
SampleOptions candidate_sample(const AutoRequest& asked, const EditRequest& request);
/// How many of them it generates again at the end, with all steps of `request`.
std::size_t final_images(const AutoRequest& asked, const EditRequest& request);

}  // namespace forgedit
