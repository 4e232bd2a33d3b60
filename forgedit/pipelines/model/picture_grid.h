#pragma once

#include <filesystem>
#include <optional>
#include <utility>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit {

/// The sizes of pictures that a model supports.
struct PictureGrid {
  std::int64_t multiple = 0;     ///< sides must be multiples of this, the VAE's factor times the UNet's
  std::int64_t native_size = 0;  ///< pixels per side that the model was trained for
};

PictureGrid picture_grid(const UNetConfig& unet, const VaeConfig& vae);

/// Reads only the config.json of UNet and VAE in a diffusers folder; nothing if they do not exist. Throws
/// Error if one is damaged.
std::optional<PictureGrid> read_picture_grid(const std::filesystem::path& model_folder);

/// Returns the place of a picture in the model's grid: stretched to `size` if given, else with its aspect
/// ratio at the model's pixel count. Throws a usage Error if sizes are not multiples, or if the picture is
/// too long.
Frame frame_picture(int width, int height, const std::optional<std::pair<int, int>>& size,
                    const PictureGrid& grid);

/// Returns the picture as the model sees it: grid_width x grid_height.
Image lay_into_grid(const Image& picture, const Frame& frame, bool stretched);

}  // namespace forgedit
