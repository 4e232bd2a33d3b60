#pragma once

#include <filesystem>
#include <optional>
#include <utility>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit {

/// The sizes that a model needs for the pictures that it learns and generates.
struct PictureGrid {
  std::int64_t multiple = 0;  ///< sides are multiples of this: the VAE's factor times the UNet's own halvings
  std::int64_t native_size = 0;  ///< pixels a side that the model was made for
};

PictureGrid picture_grid(const UNetConfig& unet, const VaeConfig& vae);

/// From a diffusers folder's two config.json alone; nothing where it has none. Throws Error for damaged ones.
std::optional<PictureGrid> read_picture_grid(const std::filesystem::path& model_folder);

/// The place of a picture in the model's grid: stretched to `size` if given, else with its own aspect ratio
/// at the model's pixel count. Throws a usage Error for sizes that are not multiples, and for too long
/// pictures.
Frame frame_picture(int width, int height, const std::optional<std::pair<int, int>>& size,
                    const PictureGrid& grid);

/// The picture as the model sees it: grid_width x grid_height.
Image lay_into_grid(const Image& picture, const Frame& frame, bool stretched);

}  // namespace forgedit
