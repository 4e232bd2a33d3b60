#pragma once

#include <array>
#include <filesystem>
#include <string>

#include <ATen/core/Tensor.h>
#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit {

/// How to convert a picture to the input of an image encoder: resize, centre crop, rescale, normalise. Fields
/// have the names of transformers' preprocessor_config.json.
struct ModelImageConfig {
  /// The shorter side after resizing in proportion; 0: stretch to `width` x `height` instead.
  int shortest_edge = 0;
  int width = 0;
  int height = 0;
  int crop_width = 0;  ///< 0: no crop
  int crop_height = 0;
  Resample resample = Resample::bicubic;
  double rescale_factor = 1.0 / 255;
  std::array<double, 3> image_mean{0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> image_std{0.26862954, 0.26130258, 0.27577711};

  /// CLIPImageProcessor: resizes the shorter side to `side`, then crops the centre square.
  static ModelImageConfig clip(int side = 224);
  /// BlipImageProcessor: stretches to a square.
  static ModelImageConfig blip(int side = 384);

  /// Reads settings; absent ones are those of `fallback`. A plain number as "size" means the shorter side if
  /// `fallback` keeps the shape, else a square, as in files before transformers 4.26. Throws Error with
  /// `origin` (the file) and the key.
  static ModelImageConfig from_json(const nlohmann::json& json, const std::string& origin,
                                    const ModelImageConfig& fallback);
};

/// Reads preprocessor_config.json of `directory`; returns `fallback` if there is none.
ModelImageConfig read_model_image_config(const std::filesystem::path& directory,
                                         const ModelImageConfig& fallback);

/// Returns the input of the encoder, (3, height, width) float32. Throws a usage Error for pictures so long
/// that a side would be over kMaxImageSide after resizing.
at::Tensor model_image(const Image& image, const ModelImageConfig& config);

}  // namespace forgedit
