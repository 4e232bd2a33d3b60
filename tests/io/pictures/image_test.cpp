#include "forgedit/io/pictures/image.h"

#include <gtest/gtest.h>

#include <array>

#include "make_pictures.h"

namespace forgedit {
namespace {

using testing::Bytes;
using testing::encode_jpeg;
using testing::encode_png;
using testing::flat;
using testing::gradient;
using testing::ImageFile;
using testing::JpegPicture;
using testing::PngPicture;
using testing::small_jpeg;
using testing::small_png;

using Rgba = std::array<int, 4>;

Rgba pixel(const RgbaImage& image, int x, int y) {
  const std::uint8_t* p = image.pixels.data() + 4 * (static_cast<std::size_t>(y) * image.width + x);
  return {p[0], p[1], p[2], p[3]};
}

void expect_near(const Rgba& got, const Rgba& expected, int tolerance) {
  for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(got[c], expected[c], tolerance) << "channel " << c;
}

TEST_F(ImageFile, Reads16BitGrey) {
  PngPicture picture;
  picture.width = picture.height = 8;
  picture.bit_depth = 16;
  picture.colour_type = PNG_COLOR_TYPE_GRAY;
  picture.rows = flat(8, 8, {0x80, 0x10});
  expect_near(pixel(read(encode_png(picture)), 3, 3), {128, 128, 128, 255}, 0);
  picture.rows = flat(8, 8, {0xff, 0xff});
  expect_near(pixel(read(encode_png(picture)), 3, 3), {255, 255, 255, 255}, 0);
}

TEST_F(ImageFile, ReadsPaletteWithTransparency) {
  PngPicture picture;
  picture.width = picture.height = 8;
  picture.bit_depth = 4;
  picture.colour_type = PNG_COLOR_TYPE_PALETTE;
  picture.palette = {{10, 20, 30}, {200, 100, 50}, {1, 2, 3}};
  picture.palette_alpha = {0, 128};
  picture.rows = Bytes(32, 0x12);  // left pixel 1, right pixel 2
  picture.rows[0] = 0x01;
  const RgbaImage image = read(encode_png(picture));
  EXPECT_EQ(pixel(image, 0, 0), (Rgba{10, 20, 30, 0}));
  EXPECT_EQ(pixel(image, 1, 0), (Rgba{200, 100, 50, 128}));
  EXPECT_EQ(pixel(image, 3, 3), (Rgba{1, 2, 3, 255}));
}

TEST_F(ImageFile, ReadsOneBitGreyAndGreyWithAlpha) {
  PngPicture bits;
  bits.width = bits.height = 8;
  bits.bit_depth = 1;
  bits.colour_type = PNG_COLOR_TYPE_GRAY;
  bits.rows = Bytes(8, 0x55);
  const RgbaImage two_tone = read(encode_png(bits));
  EXPECT_EQ(pixel(two_tone, 0, 0), (Rgba{0, 0, 0, 255}));
  EXPECT_EQ(pixel(two_tone, 1, 0), (Rgba{255, 255, 255, 255}));

  PngPicture grey;
  grey.width = grey.height = 8;
  grey.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA;
  grey.rows = flat(8, 8, {77, 9});
  EXPECT_EQ(pixel(read(encode_png(grey)), 4, 4), (Rgba{77, 77, 77, 9}));
}

TEST_F(ImageFile, InterlacedPngEqualsPlainPng) {
  PngPicture picture;
  picture.width = 13;
  picture.height = 10;
  picture.colour_type = PNG_COLOR_TYPE_RGB_ALPHA;
  picture.rows = gradient(13, 10, 4);
  const RgbaImage plain = read(encode_png(picture));
  EXPECT_EQ(plain.pixels, picture.rows);
  picture.interlaced = true;
  EXPECT_EQ(read(encode_png(picture)).pixels, plain.pixels);
}

TEST_F(ImageFile, TakesPngValuesWithTheGammaOfSrgbAsTheyAre) {
  PngPicture picture = small_png();
  picture.gamma = 0.45455;
  const RgbaImage image = read(encode_png(picture));
  EXPECT_EQ(pixel(image, 0, 0), (Rgba{picture.rows[0], picture.rows[1], picture.rows[2], 255}));
}

TEST_F(ImageFile, ReadsJpegInColourAndGrey) {
  JpegPicture colour = small_jpeg();
  colour.pixels = flat(20, 12, {200, 90, 30});
  expect_near(pixel(read(encode_jpeg(colour)), 10, 6), {200, 90, 30, 255}, 2);
  colour.progressive = true;
  expect_near(pixel(read(encode_jpeg(colour)), 19, 11), {200, 90, 30, 255}, 2);

  JpegPicture grey = small_jpeg();
  grey.in_space = grey.file_space = JCS_GRAYSCALE;
  grey.pixels = flat(20, 12, {143});
  expect_near(pixel(read(encode_jpeg(grey)), 0, 0), {143, 143, 143, 255}, 1);
}

TEST_F(ImageFile, ReadsCmykJpegAsInvertedInk) {
  JpegPicture picture = small_jpeg();
  picture.in_space = picture.file_space = JCS_CMYK;
  picture.pixels = flat(20, 12, {255, 128, 0, 200});  // as stored: no cyan, half magenta, all yellow
  const Rgba expected = {200, 100, 0, 255};
  expect_near(pixel(read(encode_jpeg(picture)), 5, 5), expected, 2);
  picture.adobe_marker = true;
  expect_near(pixel(read(encode_jpeg(picture)), 5, 5), expected, 2);
  picture.file_space = JCS_YCCK;
  expect_near(pixel(read(encode_jpeg(picture)), 5, 5), expected, 4);
}

TEST_F(ImageFile, ReadsWebp) {
  const Bytes rgba = gradient(17, 9, 4);
  const RgbaImage image = read(testing::encode_webp(17, 9, rgba));
  ASSERT_EQ(image.width, 17);
  ASSERT_EQ(image.height, 9);
  for (std::size_t i = 0; i < rgba.size(); i += 4) {
    ASSERT_EQ(image.pixels[i + 3], rgba[i + 3]);
    // Colours of fully transparent pixels may be lost.
    if (rgba[i + 3] != 0) {
      ASSERT_EQ(image.pixels[i], rgba[i]);
    }
  }
  const std::string lossy = testing::encode_webp(32, 32, flat(32, 32, {200, 90, 30, 255}), false);
  expect_near(pixel(read(lossy), 16, 16), {200, 90, 30, 255}, 4);
}

TEST_F(ImageFile, ContentsDecideAndNotTheExtension) {
  EXPECT_EQ(read(encode_png(small_png()), "photo.jpg").width, 11);
  EXPECT_EQ(read(encode_jpeg(small_jpeg()), "photo.png").width, 20);
  EXPECT_EQ(read(testing::encode_webp(9, 8, gradient(9, 8, 4)), "photo").width, 9);
}

TEST_F(ImageFile, LaysTransparentPicturesOverTheBackground) {
  PngPicture picture;
  picture.width = picture.height = 8;
  picture.colour_type = PNG_COLOR_TYPE_RGB_ALPHA;
  picture.rows = flat(8, 8, {100, 0, 255, 51});
  const auto path = directory_.write("a.png", encode_png(picture));
  const Image white = read_image(path);
  EXPECT_EQ(white.at(2, 2)[0], 224);  // (100 * 51 + 255 * 204) / 255
  EXPECT_EQ(white.at(2, 2)[1], 204);
  EXPECT_EQ(white.at(2, 2)[2], 255);
  const Image black = read_image(path, {0, 0, 0});
  EXPECT_EQ(black.at(2, 2)[0], 20);
  EXPECT_EQ(black.at(2, 2)[2], 51);
}

/// Where the stored picture's top-left and top-right pixels belong, for each orientation, as the EXIF
/// standard words it: {row 0, column 0} of the stored picture lie at these sides.
struct OrientationCase {
  int orientation;
  bool sideways;
  bool top_left_at_right;
  bool top_left_at_bottom;
};
constexpr OrientationCase kOrientations[] = {
    {1, false, false, false}, {2, false, true, false}, {3, false, true, true}, {4, false, false, true},
    {5, true, false, false},  {6, true, true, false},  {7, true, true, true},  {8, true, false, true},
};

/// A 24x16 picture with a red top-left block and a green top-right block on grey.
Bytes marked_rgb() {
  Bytes bytes = flat(24, 16, {128, 128, 128});
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      bytes[3 * (y * 24 + x)] = 250;
      bytes[3 * (y * 24 + x) + 1] = bytes[3 * (y * 24 + x) + 2] = 0;
      bytes[3 * (y * 24 + x + 16) + 1] = 250;
      bytes[3 * (y * 24 + x + 16)] = bytes[3 * (y * 24 + x + 16) + 2] = 0;
    }
  }
  return bytes;
}

void expect_oriented(const RgbaImage& image, const OrientationCase& expected) {
  SCOPED_TRACE(expected.orientation);
  ASSERT_EQ(image.width, expected.sideways ? 16 : 24);
  ASSERT_EQ(image.height, expected.sideways ? 24 : 16);
  const int x = expected.top_left_at_right ? image.width - 4 : 4;
  const int y = expected.top_left_at_bottom ? image.height - 4 : 4;
  expect_near(pixel(image, x, y), {250, 0, 0, 255}, 30);
  // The stored top edge runs along a row, or along a column when the picture lies on its side.
  const int green_x = expected.sideways ? x : image.width - 1 - x;
  const int green_y = expected.sideways ? image.height - 1 - y : y;
  expect_near(pixel(image, green_x, green_y), {0, 250, 0, 255}, 30);
}

TEST_F(ImageFile, AppliesExifOrientation) {
  const Bytes rgb = marked_rgb();
  Bytes rgba;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    rgba.insert(rgba.end(), {rgb[i], rgb[i + 1], rgb[i + 2], 255});
  }
  for (const OrientationCase& each : kOrientations) {
    const std::string exif = testing::exif_block(each.orientation, each.orientation % 2 == 0);
    JpegPicture jpeg;
    jpeg.width = 24;
    jpeg.height = 16;
    jpeg.pixels = rgb;
    jpeg.app1 = std::string("Exif\0\0", 6) + exif;
    expect_oriented(read(encode_jpeg(jpeg)), each);

    PngPicture png;
    png.width = 24;
    png.height = 16;
    png.rows = rgb;
    png.exif = exif;
    expect_oriented(read(encode_png(png)), each);

    const std::string simple = testing::encode_webp(24, 16, rgba);
    expect_oriented(read(testing::extended_webp(24, 16, 0x08, simple, testing::riff_chunk("EXIF", exif))),
                    each);
  }
}

}  // namespace
}  // namespace forgedit
