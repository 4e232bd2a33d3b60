#pragma once

#include "forgedit/core/torch.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Returns (1, 3, height, width) in [-1, 1], the input of the VAE.
torch::Tensor image_to_tensor(const Image& image);

/// Throws Error if a value is not finite, as from networks with NaN or infinite weights.
void check_finite(const torch::Tensor& pictures);

/// Converts (3, height, width) in [0, 1], rounded to the nearest of 256 values. Throws Error as check_finite
/// does.
Image tensor_to_image(const torch::Tensor& picture);

}  // namespace forgedit
