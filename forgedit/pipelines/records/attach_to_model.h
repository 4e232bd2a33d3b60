#pragma once

#include <string>

#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

/// Moves the learned weights to the model's device and layout. Throws a usage Error if it was learned on
/// another base model; `name` is the saved edit's name in messages.
void attach_to_model(LearnedPicture& learned, const StableDiffusion& model, const std::string& name);

}  // namespace forgedit
