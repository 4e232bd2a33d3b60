#pragma once

#include <string>
#include <vector>

#include "forgedit/pipelines/learning/learn_picture.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

// The miniature was trained on one domain, 3D emoji. Two checks detect pictures outside it; each returns a
// warning, or an empty text.

/// Before fine-tuning: warns if the VAE does not reconstruct the picture well, as no edit can look better.
std::string warn_of_round_trip(StableDiffusion& model, const EncodedPicture& encoded,
                               const PictureToLearn& picture);

/// After fine-tuning: warns if the first losses are high, so the UNet predicted the picture's noise badly.
std::string warn_of_first_losses(const std::vector<double>& losses);

}  // namespace forgedit
