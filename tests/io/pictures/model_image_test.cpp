#include "forgedit/io/pictures/model_image.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// Left half black, right half white, so that a crop's place shows in its columns.
Image halves(int width, int height) {
  Image image(width, height, {0, 0, 0});
  for (int y = 0; y < height; ++y) {
    for (int x = width / 2; x < width; ++x) std::fill_n(image.at(x, y), 3, std::uint8_t{255});
  }
  return image;
}

TEST(ModelImage, ClipKeepsTheShapeAndTakesTheCentre) {
  const auto tensor = model_image(halves(48, 24), ModelImageConfig::clip(16));
  ASSERT_EQ(tensor.sizes(), (std::vector<std::int64_t>{3, 16, 16}));
  const auto defaults = ModelImageConfig{};
  for (int channel = 0; channel < 3; ++channel) {
    const auto row = tensor[channel][8];
    const auto c = static_cast<std::size_t>(channel);
    EXPECT_NEAR(row[2].item<double>(), -defaults.image_mean[c] / defaults.image_std[c], 1e-5);
    EXPECT_NEAR(row[13].item<double>(), (1 - defaults.image_mean[c]) / defaults.image_std[c], 1e-5);
  }
}

TEST(ModelImage, BlipStretches) {
  EXPECT_EQ(model_image(halves(48, 24), ModelImageConfig::blip(20)).sizes(),
            (std::vector<std::int64_t>{3, 20, 20}));
}

TEST(ModelImage, ABareSizeMeansWhatTheProcessorMeansByIt) {
  const json bare{{"size", 32}};
  const auto clip = ModelImageConfig::from_json(bare, "f", ModelImageConfig::clip(32));
  EXPECT_EQ(clip.shortest_edge, 32);
  const auto blip = ModelImageConfig::from_json(bare, "f", ModelImageConfig::blip());
  EXPECT_EQ(blip.shortest_edge, 0);
  EXPECT_EQ(blip.width, 32);
  EXPECT_EQ(blip.height, 32);
}

TEST(ModelImage, NoNormalisationLeavesUnitValues) {
  const json plain{{"size", {{"height", 8}, {"width", 12}}}, {"do_normalize", false}};
  const auto tensor = model_image(Image(30, 30, {255, 255, 255}),
                                  ModelImageConfig::from_json(plain, "f", ModelImageConfig::blip()));
  EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{3, 8, 12}));
  EXPECT_TRUE(torch::allclose(tensor, torch::ones_like(tensor)));
}

TEST(ModelImage, BadSettingsNameFileAndKey) {
  const std::vector<std::pair<json, std::string>> bad{
      {{{"size", "big"}}, "f: size: expected an integer"},
      {{{"size", {{"height", 8}}}}, "f: size: width: missing"},
      {{{"size", {{"shortest_edge", 0}}}}, "f: size: shortest_edge: expected an integer"},
      {{{"crop_size", 999}}, "f: crop_size: larger than size"},
      {{{"resample", 2}}, "f: resample: expected 3"},
      {{{"image_mean", {1, 2}}}, "f: image_mean: expected a list of three numbers"},
      {{{"image_std", {1, 0, 1}}}, "f: image_std: expected numbers over 0"},
      {{{"do_resize", false}}, "f: do_resize: expected true"}};
  for (const auto& [settings, expected] : bad) {
    try {
      ModelImageConfig::from_json(settings, "f", ModelImageConfig::clip());
      ADD_FAILURE() << settings;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind(expected, 0), 0U) << error.what();
    }
  }
}

TEST(ModelImage, APictureTooLongIsRefused) {
  EXPECT_THROW(model_image(Image(8, 8000), ModelImageConfig::clip()), Error);
}

}  // namespace
}  // namespace forgedit
