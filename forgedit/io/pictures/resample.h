#pragma once

#include "forgedit/io/pictures/image.h"

namespace forgedit {

enum class Resample { bicubic, lanczos };

/// Resizes as Pillow's Image.resize does for 8-bit pictures: separable, antialiased when shrinking, two
/// passes (horizontal first) with 8-bit results between them, and fixed-point coefficients. Bicubic has a =
/// -0.5 and support 2, Lanczos has support 3.
Image resize(const Image& image, int width, int height, Resample filter);

}  // namespace forgedit
