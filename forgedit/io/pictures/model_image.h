#pragma once

#include <array>
#include <filesystem>
#include <string>

#include <ATen/core/Tensor.h>
#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit {

/// How a picture becomes the input of an image encoder: resize, centre crop, rescale, normalise. Fields are
/// called as in preprocessor_config.json of transformers.
struct ModelImageConfig {
  /// The shorter side after resizing, the shape kept; 0: stretch to `width` x `height` instead.
  int shortest_edge = 0;
  int width = 0;
  int height = 0;
  int crop_width = 0;  ///< 0: no crop
  int crop_height = 0;
  Resample resample = Resample::bicubic;
  double rescale_factor = 1.0 / 255;
  std::array<double, 3> image_mean{0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> image_std{0.26862954, 0.26130258, 0.27577711};

  /// CLIPImageProcessor: shorter side to `side`, then the centre square.
  static ModelImageConfig clip(int side = 224);
  /// BlipImageProcessor: stretched to a square.
  static ModelImageConfig blip(int side = 384);

  /// What `json` says, `fallback` where it says nothing. A bare number as "size" means the shorter side where
  /// `fallback` keeps the shape, else a square, as in files before transformers 4.26.
  /// Throws Error with `origin` (the file) and the key.
  static ModelImageConfig from_json(const nlohmann::json& json, const std::string& origin,
                                    const ModelImageConfig& fallback);
};

/// preprocessor_config.json of `directory`, or `fallback` where there is none.
ModelImageConfig read_model_image_config(const std::filesystem::path& directory,
                                         const ModelImageConfig& fallback);

/// (3, height, width) float32. Throws a usage Error for pictures so long that resizing would leave a side
/// over kMaxImageSide.
at::Tensor model_image(const Image& image, const ModelImageConfig& config);

}  // namespace forgedit
