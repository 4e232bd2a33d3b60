#pragma once

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// How a picture was laid into the model's grid, so that results can be cropped back to the source's frame.
struct Frame {
  int source_width = 0;  ///< pixels of the original picture
  int source_height = 0;
  int width = 0;  ///< pixels of the picture inside the grid: the source's shape at the model's scale
  int height = 0;
  int left = 0;  ///< padding before the picture
  int top = 0;
  int grid_width = 0;  ///< pixels that the model sees: multiples of `multiple`
  int grid_height = 0;
};

/// Keeps the shape: scales to about `area` pixels, then grows each side to a multiple of `multiple` by
/// padding. Among the grids near the area, takes one that needs little padding; the shape changes by less
/// than 1 % (rounding of very small sides aside). Throws a usage Error when a picture is so long that even
/// its thinnest grid has more than twice the area.
Frame fit_frame(int source_width, int source_height, std::int64_t area, int multiple);

/// The published way: stretch to exactly width x height. Throws a usage Error unless both are positive
/// multiples of `multiple`.
Frame stretch_frame(int source_width, int source_height, int width, int height, int multiple);

/// Lanczos-resizes `image` to the frame and pads to the grid by reflection that does not repeat the edge.
Image to_grid(const Image& image, const Frame& frame);

/// Crops a grid picture back to the frame.
Image from_grid(const Image& grid, const Frame& frame);

/// Crops and Lanczos-resizes to the source's own size.
Image from_grid_at_source_size(const Image& grid, const Frame& frame);

}  // namespace forgedit
