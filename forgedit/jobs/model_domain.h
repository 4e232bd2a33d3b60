#pragma once

#include <string>
#include <vector>

#include "forgedit/pipelines/learning/learn_picture.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

// The miniature knows one domain. A picture from outside of it is told by two signs; each function returns
// what to warn of, or nothing.

/// Before learning: the VAE does not return the picture well, and no edit can look better than the VAE.
std::string warn_of_round_trip(StableDiffusion& model, const EncodedPicture& encoded,
                               const PictureToLearn& picture);

/// After learning: at first the UNet predicts the picture's noise badly.
std::string warn_of_first_losses(const std::vector<double>& losses);

}  // namespace forgedit
