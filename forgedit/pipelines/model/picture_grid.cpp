#include "forgedit/pipelines/model/picture_grid.h"

#include "forgedit/io/pictures/resample.h"

namespace forgedit {

PictureGrid picture_grid(const UNetConfig& unet, const VaeConfig& vae) {
  return {vae.factor() << (unet.block_out_channels.size() - 1), unet.sample_size * vae.factor()};
}

std::optional<PictureGrid> read_picture_grid(const std::filesystem::path& model_folder) {
  const auto unet = model_folder / "unet" / "config.json", vae = model_folder / "vae" / "config.json";
  if (!std::filesystem::exists(unet) || !std::filesystem::exists(vae)) return std::nullopt;
  return picture_grid(UNetConfig::from_json(ConfigReader(unet)), VaeConfig::from_json(ConfigReader(vae)));
}

Frame frame_picture(int width, int height, const std::optional<std::pair<int, int>>& size,
                    const PictureGrid& grid) {
  const auto multiple = static_cast<int>(grid.multiple);
  if (!size) return fit_frame(width, height, grid.native_size * grid.native_size, multiple);
  return stretch_frame(width, height, size->first, size->second, multiple);
}

Image lay_into_grid(const Image& picture, const Frame& frame, bool stretched) {
  // The published code resizes with Pillow's default, bicubic; to_grid uses Lanczos.
  return stretched ? resize(picture, frame.grid_width, frame.grid_height, Resample::bicubic)
                   : to_grid(picture, frame);
}

}  // namespace forgedit
