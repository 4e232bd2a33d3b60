#include "forgedit/io/pictures/model_image.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr int kMaxSide = 4096;
constexpr int kPillowLanczos = 1;
constexpr int kPillowBicubic = 3;

int side_of(const ConfigReader& reader, const char* key) {
  return static_cast<int>(reader.integer(key, std::nullopt, 1, kMaxSide));
}

/// Reads {"height": H, "width": W}, or one number for both, as (width, height).
std::pair<int, int> rectangle(const ConfigReader& reader, const json& object, const char* key,
                              const std::string& origin) {
  if (!object.at(key).is_object()) {
    const int side = side_of(reader, key);
    return {side, side};
  }
  const ConfigReader sides(origin + ": " + key, object.at(key));
  return {side_of(sides, "width"), side_of(sides, "height")};
}

std::array<double, 3> channels(const ConfigReader& reader, const json& object, const char* key,
                               const std::array<double, 3>& fallback) {
  if (!reader.has(key)) return fallback;
  const auto& list = object.at(key);
  if (!list.is_array() || list.size() != 3 ||
      !std::all_of(list.begin(), list.end(), [](const json& value) { return value.is_number(); })) {
    reader.reject(key, "expected a list of three numbers");
  }
  return list.get<std::array<double, 3>>();
}

/// The width and height after resizing, before the crop.
std::pair<int, int> resized_sides(const Image& image, const ModelImageConfig& config) {
  if (config.shortest_edge == 0) return {config.width, config.height};
  const auto shorter = std::min(image.width, image.height), longer = std::max(image.width, image.height);
  // This is computed in integers and rounded down, as in transformers.
  const auto grown = std::int64_t{config.shortest_edge} * longer / shorter;
  if (grown > kMaxImageSide) {
    throw usage_error("picture of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                      ": too long for a model that sees its shorter side at " +
                      std::to_string(config.shortest_edge));
  }
  const auto other = static_cast<int>(grown);
  return image.width <= image.height ? std::pair{config.shortest_edge, other}
                                     : std::pair{other, config.shortest_edge};
}

}  // namespace

ModelImageConfig ModelImageConfig::clip(int side) {
  ModelImageConfig config;
  config.shortest_edge = config.crop_width = config.crop_height = side;
  return config;
}

ModelImageConfig ModelImageConfig::blip(int side) {
  ModelImageConfig config;
  config.width = config.height = side;
  return config;
}

ModelImageConfig ModelImageConfig::from_json(const json& object, const std::string& origin,
                                             const ModelImageConfig& fallback) {
  const ConfigReader reader(origin, object);
  auto c = fallback;
  if (!reader.boolean("do_resize", true)) reader.reject("do_resize", "expected true, found false");
  if (reader.has("size")) {
    const auto& size = object.at("size");
    const bool one_side = size.is_object() ? size.contains("shortest_edge") : fallback.shortest_edge > 0;
    c.shortest_edge = c.width = c.height = 0;
    if (!one_side) {
      std::tie(c.width, c.height) = rectangle(reader, object, "size", origin);
    } else {
      c.shortest_edge = size.is_object() ? side_of(ConfigReader(origin + ": size", size), "shortest_edge")
                                         : side_of(reader, "size");
    }
  }
  const bool crop = reader.boolean("do_center_crop", fallback.crop_width > 0);
  if (!crop) {
    c.crop_width = c.crop_height = 0;
  } else if (reader.has("crop_size") || fallback.crop_width == 0) {
    if (!reader.has("crop_size")) reader.reject("crop_size", "missing");
    std::tie(c.crop_width, c.crop_height) = rectangle(reader, object, "crop_size", origin);
  }
  const int width = c.shortest_edge ? c.shortest_edge : c.width;
  const int height = c.shortest_edge ? c.shortest_edge : c.height;
  if (c.crop_width > width || c.crop_height > height) {
    reader.reject("crop_size", "larger than size");
  }
  const auto filter = reader.integer("resample", kPillowBicubic, 0, 5);
  if (filter != kPillowBicubic && filter != kPillowLanczos) {
    reader.reject("resample", "expected 3 (bicubic) or 1 (Lanczos), found " + std::to_string(filter));
  }
  c.resample = filter == kPillowBicubic ? Resample::bicubic : Resample::lanczos;
  c.rescale_factor =
      reader.boolean("do_rescale", true) ? reader.number("rescale_factor", fallback.rescale_factor) : 1.0;
  c.image_mean = channels(reader, object, "image_mean", fallback.image_mean);
  c.image_std = channels(reader, object, "image_std", fallback.image_std);
  if (std::any_of(c.image_std.begin(), c.image_std.end(), [](double s) { return !(s > 0); })) {
    reader.reject("image_std", "expected numbers over 0");
  }
  if (!reader.boolean("do_normalize", true)) {
    c.image_mean = {0, 0, 0};
    c.image_std = {1, 1, 1};
  }
  return c;
}

ModelImageConfig read_model_image_config(const std::filesystem::path& directory,
                                         const ModelImageConfig& fallback) {
  const auto file = directory / "preprocessor_config.json";
  if (!std::filesystem::exists(file)) return fallback;
  return ModelImageConfig::from_json(read_json_object(file), file.string(), fallback);
}

at::Tensor model_image(const Image& image, const ModelImageConfig& config) {
  const auto [width, height] = resized_sides(image, config);
  auto resized = resize(image, width, height, config.resample);
  auto pixels = torch::from_blob(resized.pixels.data(), {height, width, 3}, torch::kByte).permute({2, 0, 1});
  if (config.crop_width > 0) {
    pixels = pixels.narrow(1, (height - config.crop_height) / 2, config.crop_height)
                 .narrow(2, (width - config.crop_width) / 2, config.crop_width);
  }
  const auto channel = [](const std::array<double, 3>& values) {
    return torch::tensor(at::ArrayRef<double>(values), torch::kFloat).view({3, 1, 1});
  };
  const auto unit = pixels.to(torch::kFloat) * config.rescale_factor;
  return ((unit - channel(config.image_mean)) / channel(config.image_std)).contiguous();
}

}  // namespace forgedit
