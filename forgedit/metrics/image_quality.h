#pragma once

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Peak signal-to-noise ratio in dB; infinite for equal pictures. Throws a usage Error if the sizes differ.
double psnr(const Image& left, const Image& right);

/// Structural similarity (Wang et al., 2004): mean over channels and over all pixels whose 11x11 Gaussian
/// window (σ 1.5) lies inside the picture, K1 0.01, K2 0.03. The same numbers as scikit-image with
/// gaussian_weights=True, sigma=1.5, use_sample_covariance=False and data_range=255, and as torchmetrics'
/// defaults. Throws a usage Error if the sizes differ or a side has less than 11 pixels.
double ssim(const Image& left, const Image& right);

}  // namespace forgedit
