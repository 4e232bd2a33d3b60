#pragma once

#include <string>
#include <vector>

#include "forgedit/pipelines/learning/learn_picture.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

// The miniature knows one domain. Two signs show that a picture is outside of it; each function returns a
// warning, or nothing.

/// Before fine-tuning: the VAE does not reconstruct the picture well, and no edit can look better.
std::string warn_of_round_trip(StableDiffusion& model, const EncodedPicture& encoded,
                               const PictureToLearn& picture);

/// After fine-tuning: the first losses are high, because the UNet predicts the picture's noise badly.
std::string warn_of_first_losses(const std::vector<double>& losses);

}  // namespace forgedit
