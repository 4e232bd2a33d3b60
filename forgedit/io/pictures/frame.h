#pragma once

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// How a picture was placed in the model's grid, so that results can be cropped to the source's frame.
struct Frame {
  int source_width = 0;  ///< pixels of the original picture
  int source_height = 0;
  int width = 0;  ///< pixels of the picture in the grid: the source's shape at the model's scale
  int height = 0;
  int left = 0;  ///< padding before the picture
  int top = 0;
  int grid_width = 0;  ///< pixels that the model sees; multiples of `multiple`
  int grid_height = 0;
};

/// Returns a frame that keeps the shape: scales to about `area` pixels, then pads each side to a multiple of
/// `multiple`. Among the grids near that area, chooses one that needs little padding. The shape changes by
/// less than 1 %, apart from rounding of very small sides. Throws a usage Error if a picture is so long that
/// its thinnest grid has more than twice the area.
Frame fit_frame(int source_width, int source_height, std::int64_t area, int multiple);

/// Returns the frame of the published method, which stretches to exactly width x height. Throws a usage Error
/// unless both are positive multiples of `multiple`.
Frame stretch_frame(int source_width, int source_height, int width, int height, int multiple);

/// Resizes `image` to the frame by Lanczos, and pads to the grid by reflection that does not repeat the edge.
Image to_grid(const Image& image, const Frame& frame);

/// Crops a picture of the grid's size to the frame.
Image from_grid(const Image& grid, const Frame& frame);

/// Crops to the frame, then resizes to the source's size by Lanczos.
Image from_grid_at_source_size(const Image& grid, const Frame& frame);

}  // namespace forgedit
