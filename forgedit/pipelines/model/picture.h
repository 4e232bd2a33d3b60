#pragma once

#include "forgedit/core/torch.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// (1, 3, height, width) in [-1, 1], as the VAE takes it.
torch::Tensor image_to_tensor(const Image& image);

/// Throws Error when a value is not finite: which a network with NaN or infinite weights generates.
void check_finite(const torch::Tensor& pictures);

/// From (3, height, width) in [0, 1], rounded to the nearest of 256 values. Throws Error as check_finite
/// does.
Image tensor_to_image(const torch::Tensor& picture);

}  // namespace forgedit
