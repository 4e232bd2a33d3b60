#include <gtest/gtest.h>

#include <random>

#include "forgedit/io/pictures/image.h"
#include "make_colours.h"
#include "make_heif.h"

namespace forgedit {
namespace {

using namespace testing;

class HeifFile : public ImageFile, public ::testing::WithParamInterface<heif_compression_format> {
 protected:
  void SetUp() override {
    if (!can_encode(GetParam())) GTEST_SKIP() << "libheif has no encoder for this";
  }
  HeifPicture picture(const Bytes& colour) {
    HeifPicture picture;
    picture.codec = GetParam();
    picture.width = 64;
    picture.height = 48;
    picture.rgba = flat(64, 48, colour);
    return picture;
  }
};

INSTANTIATE_TEST_SUITE_P(Codecs, HeifFile, ::testing::Values(heif_compression_HEVC, heif_compression_AV1),
                         [](const auto& codec) {
                           return std::string(codec.param == heif_compression_AV1 ? "Avif" : "Heic");
                         });

TEST_P(HeifFile, ReadsColoursAndAlpha) {
  const RgbaImage opaque = read(encode_heif(picture({200, 90, 30, 255})));
  ASSERT_EQ(opaque.width, 64);
  ASSERT_EQ(opaque.height, 48);
  expect_near(pixel(opaque, 30, 20), {200, 90, 30, 255}, 3);
  EXPECT_TRUE(opaque.notes.empty());
  expect_near(pixel(read(encode_heif(picture({200, 90, 30, 100}))), 63, 47), {200, 90, 30, 100}, 3);
  HeifPicture premultiplied = picture({100, 50, 20, 128});
  premultiplied.premultiplied = true;
  expect_near(pixel(read(encode_heif(premultiplied)), 5, 5), {199, 100, 40, 128}, 5);
}

TEST_P(HeifFile, ReadsTenBits) {
  RgbaImage read_back;
  if (GetParam() == heif_compression_AV1) {
    // libheif 1.15 writes none: a flat picture of ours by `avifenc -d 10 -y 444 --min 0 --max 5`.
    read_back =
        read_rgba_image(std::filesystem::path(FORGEDIT_SOURCE_DIR) / "tests/io/pictures/ten_bits.avif");
  } else {
    HeifPicture deep = picture({});
    deep.bits = 10;
    deep.rgba.clear();
    for (int i = 0; i < 64 * 48; ++i) {
      for (const int value : {800, 400, 100}) {
        deep.rgba.push_back(static_cast<unsigned char>(value & 0xff));
        deep.rgba.push_back(static_cast<unsigned char>(value >> 8));
      }
    }
    read_back = read(encode_heif(deep));
  }
  ASSERT_EQ(read_back.width, 64);
  ASSERT_EQ(read_back.height, 48);
  expect_near(pixel(read_back, 30, 20), {200, 100, 25, 255}, 4);
}

TEST_P(HeifFile, ConvertsColours) {
  const std::array<int, 3> colour = {60, 190, 80};
  HeifPicture by_profile = picture({60, 190, 80, 255});
  by_profile.icc = saved(rgb_profile(kP3, "Display P3"));
  expect_near(pixel(read(encode_heif(by_profile)), 9, 9), converted(colour, kFromP3, srgb_light), 5);
  HeifPicture by_code = picture({60, 190, 80, 255});
  by_code.primaries = 12;
  expect_near(pixel(read(encode_heif(by_code)), 9, 9), converted(colour, kFromP3, srgb_light), 5);
  by_code.primaries = 1;
  expect_near(pixel(read(encode_heif(by_code)), 9, 9), {60, 190, 80, 255}, 3);
  by_code.primaries = 9;
  by_code.transfer = 16;
  EXPECT_NE(error_reading(encode_heif(by_code)).find("HDR picture (transfer curve PQ"), std::string::npos);
  by_code.transfer = 18;
  EXPECT_NE(error_reading(encode_heif(by_code)).find("HDR picture (transfer curve HLG"), std::string::npos);
}

TEST_P(HeifFile, IsTurnedOnceByItsOwnProperties) {
  HeifPicture turned = picture({128, 128, 128, 255});
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 16; ++x) turned.rgba[4 * (y * 64 + x)] = 250;
  }
  turned.orientation = 6;
  turned.exif = exif_block(6, true);
  const RgbaImage image = read(encode_heif(turned));
  ASSERT_EQ(image.width, 48);
  ASSERT_EQ(image.height, 64);
  EXPECT_GT(pixel(image, 42, 6)[0], 200);
  EXPECT_LT(pixel(image, 6, 6)[0], 160);
  // EXIF by itself turns nothing: readers of this format go by its properties.
  turned.orientation = 1;
  const RgbaImage stored = read(encode_heif(turned));
  ASSERT_EQ(stored.width, 64);
  EXPECT_GT(pixel(stored, 6, 6)[0], 200);
}

TEST_P(HeifFile, SaysThatOneOfSeveralPicturesIsRead) {
  const std::string file = encode_heif(picture({1, 2, 3, 255})) + integer(8, 4, true) + "moov";
  const RgbaImage image = read(file);
  ASSERT_EQ(image.notes.size(), 1U);
  EXPECT_NE(image.notes[0].find("with a still picture beside its frames"), std::string::npos);
}

TEST_P(HeifFile, KeepsTheLimitsOfSizes) {
  HeifPicture small = picture({1, 2, 3, 255});
  small.width = 64;
  small.height = 4;
  EXPECT_NE(error_reading(encode_heif(small)).find("64x4 pixels, too small"), std::string::npos);
  // Sizes are in boxes of spatial extents.
  std::string file = encode_heif(picture({1, 2, 3, 255}));
  for (std::size_t at = file.find("ispe"); at != std::string::npos; at = file.find("ispe", at + 1)) {
    file.replace(at + 8, 8, integer(16000, 4, true) + integer(16000, 4, true));
  }
  EXPECT_NE(error_reading(file).find("16000x16000 pixels, too large"), std::string::npos);
}

TEST_P(HeifFile, SurvivesDamage) {
  HeifPicture source = picture({200, 90, 30, 100});
  source.icc = saved(rgb_profile(kP3, "Display P3"));
  const std::string file = encode_heif(source);
  for (std::size_t size = 12; size < file.size(); size += 7) {
    const std::string message = error_of([&] { decode_rgba_image(file.substr(0, size), "picture"); });
    EXPECT_NE(message, "") << "the first " << size << " of " << file.size() << " bytes were read";
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  ::testing::internal::CaptureStderr();
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string copy = file;
    for (int k = 0; k < 3; ++k) copy[random() % copy.size()] ^= static_cast<char>(1U << random() % 8);
    error_of([&] { decode_rgba_image(copy, "picture"); });
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace forgedit
