#include <gtest/gtest.h>

#include "forgedit/io/pictures/image.h"
#include "make_colours.h"

// Expected values come from published matrices and formulas, not from the library that converts.

namespace forgedit {
namespace {

using namespace testing;

constexpr std::array<int, 3> kColours[] = {
    {200, 90, 30}, {20, 180, 60}, {128, 128, 128}, {12, 6, 3}, {255, 255, 255}};

Bytes bytes_of(const std::array<int, 3>& colour) {
  return {static_cast<unsigned char>(colour[0]), static_cast<unsigned char>(colour[1]),
          static_cast<unsigned char>(colour[2])};
}

double adobe_light(double v) {
  return std::pow(v, 2.19921875);
}
double linear(double v) {
  return v;
}

std::string flat_jpeg(const std::array<int, 3>& colour) {
  JpegPicture picture = small_jpeg();
  picture.pixels = flat(20, 12, bytes_of(colour));
  return encode_jpeg(picture);
}

std::string webp_with_icc(const Bytes& rgba, const std::string& profile) {
  const std::string simple = encode_webp(8, 8, flat(8, 8, rgba));
  std::string file = extended_webp(8, 8, 0x30, "", riff_chunk("ICCP", profile) + simple.substr(12));
  return file;
}

TEST_F(ImageFile, ConvertsDisplayP3InEveryFormat) {
  const std::string profile = saved(rgb_profile(kP3, "Display P3"));
  for (const auto& colour : kColours) {
    const Rgba expected = converted(colour, kFromP3, srgb_light);
    SCOPED_TRACE(colour[0]);
    expect_near(pixel(read(with_chunks(flat_png(bytes_of(colour)), iccp_chunk(profile))), 3, 3), expected, 1);
    expect_near(pixel(read(with_icc(flat_jpeg(colour), profile)), 3, 3), expected, 3);
    Bytes rgba = bytes_of(colour);
    rgba.push_back(255);
    const RgbaImage webp = read(webp_with_icc(rgba, profile));
    expect_near(pixel(webp, 3, 3), expected, 1);
    EXPECT_TRUE(webp.notes.empty());
  }
}

TEST_F(ImageFile, ConvertsAdobeRgbFromProfileInParts) {
  const std::string profile = saved(rgb_profile(kAdobe, "Adobe RGB (1998)"));
  for (const auto& colour : kColours) {
    SCOPED_TRACE(colour[0]);
    const RgbaImage image = read(with_icc(flat_jpeg(colour), profile, 3));
    expect_near(pixel(image, 3, 3), converted(colour, kFromAdobe, adobe_light), 3);
    EXPECT_TRUE(image.notes.empty());
  }
}

TEST_F(ImageFile, TakesAdobeRgbFromExifWhereThereIsNoProfile) {
  // Directory 0 points to the EXIF directory, which points to the one with the interoperability index.
  const auto entry = [](std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                        const std::string& value) {
    return integer(tag, 2, true) + integer(type, 2, true) + integer(count, 4, true) + value;
  };
  const auto directory = [](const std::string& only) {
    return integer(1, 2, true) + only + integer(0, 4, true);
  };
  const std::string start = std::string("Exif\0\0", 6) + "MM" + integer(42, 2, true) + integer(8, 4, true) +
                            directory(entry(0x8769, 4, 1, integer(26, 4, true)));
  const auto with_index = [&](const std::string& index) {
    return start + directory(entry(0xa005, 4, 1, integer(44, 4, true))) + directory(entry(1, 2, 4, index));
  };
  const std::string exif = with_index(std::string("R03\0", 4));
  const std::array<int, 3> colour = {120, 190, 110};
  const std::string jpeg = with_marker(flat_jpeg(colour), '\xe1', exif);
  expect_near(pixel(read(jpeg), 3, 3), converted(colour, kFromAdobe, adobe_light), 3);
  const std::string by_space =
      start + directory(entry(0xa001, 3, 1, integer(2, 2, true) + integer(0, 2, true)));
  expect_near(pixel(read(with_marker(flat_jpeg(colour), '\xe1', by_space)), 3, 3),
              converted(colour, kFromAdobe, adobe_light), 3);
  const std::string srgb = with_index(std::string("R98\0", 4));
  expect_near(pixel(read(with_marker(flat_jpeg(colour), '\xe1', srgb)), 3, 3), {120, 190, 110, 255}, 2);
  const std::string profile = saved(rgb_profile(kP3, "Display P3"));
  expect_near(pixel(read(with_icc(jpeg, profile)), 3, 3), converted(colour, kFromP3, srgb_light), 3);
}

TEST_F(ImageFile, SrgbProfileChangesNoByte) {
  cmsHPROFILE built_in = cmsCreate_sRGBProfile();
  const std::string exact = saved(built_in);
  // A curve of few points, as small sRGB profiles have it.
  std::array<cmsUInt16Number, 64> points{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = static_cast<cmsUInt16Number>(std::lround(65535 * srgb_light(static_cast<double>(i) / 63)));
  }
  cmsToneCurve* curve = cmsBuildTabulatedToneCurve16(nullptr, 64, points.data());
  Space space = kP3;
  space.primaries = k709Linear.primaries;
  const std::string rounded = saved(rgb_profile(space, "c2", curve));

  PngPicture every = small_png();
  every.width = every.height = 16;
  every.colour_type = PNG_COLOR_TYPE_RGB_ALPHA;
  every.rows = gradient(16, 16, 4);
  const JpegPicture jpeg = small_jpeg();
  const Bytes rgba = {201, 13, 77, 90};
  for (const std::string& profile : {exact, rounded}) {
    EXPECT_EQ(read(with_chunks(encode_png(every), iccp_chunk(profile))).pixels, every.rows);
    EXPECT_EQ(read(with_icc(encode_jpeg(jpeg), profile)).pixels, read(encode_jpeg(jpeg)).pixels);
    EXPECT_EQ(pixel(read(webp_with_icc(rgba, profile)), 1, 1), (Rgba{201, 13, 77, 90}));
  }
  PngPicture deep = every;
  deep.bit_depth = 16;
  deep.rows = gradient(16, 16, 8);
  EXPECT_EQ(read(with_chunks(encode_png(deep), iccp_chunk(exact))).pixels, read(encode_png(deep)).pixels);
  JpegPicture grey = small_jpeg();
  grey.in_space = grey.file_space = JCS_GRAYSCALE;
  grey.pixels = gradient(20, 12, 1);
  const RgbaImage tagged = read(with_icc(encode_jpeg(grey), exact));
  EXPECT_EQ(tagged.pixels, read(encode_jpeg(grey)).pixels);
  EXPECT_TRUE(tagged.notes.empty());
}

TEST_F(ImageFile, ConvertsGreyByGreyProfile) {
  const std::string profile = grey_profile(1.8);
  for (const int value : {0, 10, 77, 128, 240, 255}) {
    const int expected = srgb_number(std::pow(value / 255.0, 1.8));
    const auto stored = static_cast<unsigned char>(value);
    const RgbaImage png = read(with_chunks(flat_png({stored, 100}), iccp_chunk(profile)));
    expect_near(pixel(png, 2, 2), {expected, expected, expected, 100}, 1);
    EXPECT_EQ(pixel(png, 2, 2)[0], pixel(png, 2, 2)[1]);
    EXPECT_EQ(pixel(png, 2, 2)[0], pixel(png, 2, 2)[2]);
    JpegPicture jpeg = small_jpeg();
    jpeg.in_space = jpeg.file_space = JCS_GRAYSCALE;
    jpeg.pixels = flat(20, 12, {stored});
    expect_near(pixel(read(with_icc(encode_jpeg(jpeg), profile)), 2, 2), {expected, expected, expected, 255},
                2);
    const RgbaImage webp = read(webp_with_icc({stored, stored, stored, 255}, profile));
    expect_near(pixel(webp, 2, 2), {expected, expected, expected, 255}, 1);
    EXPECT_TRUE(webp.notes.empty());
  }
}

TEST_F(ImageFile, ConvertsSixteenBitsBeforeTheyAreRounded) {
  PngPicture picture;
  picture.width = 8;
  picture.height = 9;
  picture.bit_depth = 16;
  picture.colour_type = PNG_COLOR_TYPE_RGB_ALPHA;
  const std::string profile = iccp_chunk(saved(rgb_profile(k709Linear, "Linear")));
  // Dark linear light, of which 8 bits would keep 0 and 1 only.
  for (const int value : {20, 60, 137, 300, 9000, 65535}) {
    const std::string number = integer(static_cast<std::uint32_t>(value), 2, true);
    const auto high = static_cast<unsigned char>(number[0]), low = static_cast<unsigned char>(number[1]);
    picture.rows = flat(8, 9, {high, low, high, low, high, low, 0x80, 0x80});
    const int expected = srgb_number(value / 65535.0);
    for (const bool interlaced : {false, true}) {
      picture.interlaced = interlaced;
      const RgbaImage image = read(with_chunks(encode_png(picture), profile));
      expect_near(pixel(image, 1, 8), {expected, expected, expected, 128}, 1);
    }
  }
  picture.colour_type = PNG_COLOR_TYPE_GRAY;
  picture.rows = flat(8, 9, {0, 137});
  const int expected = srgb_number(137 / 65535.0);
  const RgbaImage grey = read(with_chunks(encode_png(picture), iccp_chunk(grey_profile(1.0))));
  expect_near(pixel(grey, 7, 8), {expected, expected, expected, 255}, 1);
}

TEST_F(ImageFile, ConvertsCmykByItsProfile) {
  const std::string profile = cmyk_profile();
  JpegPicture picture = small_jpeg();
  picture.in_space = picture.file_space = JCS_CMYK;
  for (const auto& ink :
       {std::array<int, 4>{0, 0, 0, 0}, {255, 0, 0, 0}, {0, 128, 0, 0}, {60, 20, 90, 200}}) {
    Bytes stored;  // inverted, as Adobe stores it
    for (const int value : ink) stored.push_back(static_cast<unsigned char>(255 - value));
    picture.pixels = flat(20, 12, stored);
    const Rgba expected =
        srgb_of_lab(ink_lab(ink[0] / 255.0, ink[1] / 255.0, ink[2] / 255.0, ink[3] / 255.0));
    for (const bool adobe : {false, true}) {
      picture.adobe_marker = adobe;
      picture.file_space = adobe ? JCS_YCCK : JCS_CMYK;
      const RgbaImage image = read(with_icc(encode_jpeg(picture), profile, 2));
      expect_near(pixel(image, 5, 5), expected, 4);
      EXPECT_TRUE(image.notes.empty());
    }
  }
}

TEST_F(ImageFile, ConvertsBeforeItLaysOverTheBackground) {
  const std::string profile = saved(rgb_profile(kAdobe, "Adobe RGB (1998)"));
  const Bytes rgba = {90, 200, 60, 128};
  const auto path = directory_.write("a.webp", webp_with_icc(rgba, profile));
  const Rgba colour = converted({90, 200, 60}, kFromAdobe, adobe_light);
  const Image image = read_image(path, {10, 20, 30});
  for (std::size_t c = 0; c < 3; ++c) {
    const double background = 10.0 * (static_cast<double>(c) + 1);
    EXPECT_NEAR(image.at(4, 4)[c], (colour[c] * 128 + background * 127) / 255, 1.5);
  }
}

constexpr std::array<std::uint32_t, 8> kP3Chrm = {31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000};
constexpr std::array<std::uint32_t, 8> kSrgbChrm = {31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000};

TEST_F(ImageFile, HonoursGammaAndPrimariesOfPng) {
  for (const auto& colour : kColours) {
    SCOPED_TRACE(colour[0]);
    const std::string png = flat_png(bytes_of(colour));
    const Rgba same = {colour[0], colour[1], colour[2], 255};
    const auto pixel_with = [&](const std::string& chunks) {
      return pixel(read(with_chunks(png, chunks)), 1, 1);
    };
    expect_near(pixel_with(gama_chunk(100000)), converted(colour, kFromSrgb, linear), 1);
    expect_near(pixel_with(gama_chunk(55556)),
                converted(colour, kFromSrgb, [](double v) { return std::pow(v, 1.8); }), 1);
    expect_near(pixel_with(chrm_chunk(kP3Chrm)), converted(colour, kFromP3, srgb_light), 1);
    expect_near(pixel_with(gama_chunk(45455) + chrm_chunk(kP3Chrm)),
                converted(colour, kFromP3, [](double v) { return std::pow(v, 2.2); }), 1);
    EXPECT_EQ(pixel_with(gama_chunk(45455)), same);
    EXPECT_EQ(pixel_with(gama_chunk(45455) + chrm_chunk(kSrgbChrm)), same);
    EXPECT_EQ(pixel_with(png_chunk("sRGB", std::string(1, '\0')) + gama_chunk(100000)), same);
    EXPECT_EQ(pixel_with(iccp_chunk(saved(cmsCreate_sRGBProfile())) + gama_chunk(100000)), same);
    const std::string grey = flat_png({static_cast<unsigned char>(colour[0])});
    const std::array<int, 3> equal = {colour[0], colour[0], colour[0]};
    expect_near(pixel(read(with_chunks(grey, gama_chunk(100000))), 1, 1), converted(equal, kFromSrgb, linear),
                1);
  }
}

std::string cicp_chunk(int primaries, int transfer) {
  return png_chunk("cICP", std::string{static_cast<char>(primaries), static_cast<char>(transfer), 0, 1});
}

TEST_F(ImageFile, HonoursCodePointsOfPng) {
  const std::array<int, 3> colour = {200, 90, 30};
  const std::string png = flat_png(bytes_of(colour));
  const auto pixel_with = [&](const std::string& chunks) {
    return pixel(read(with_chunks(png, chunks)), 1, 1);
  };
  const Rgba same = {200, 90, 30, 255};
  EXPECT_EQ(pixel_with(cicp_chunk(1, 13) + gama_chunk(100000)), same);
  EXPECT_EQ(pixel_with(cicp_chunk(1, 1)), same);
  expect_near(pixel_with(cicp_chunk(12, 13)), converted(colour, kFromP3, srgb_light), 1);
  expect_near(pixel_with(cicp_chunk(9, 13)), converted(colour, kFrom2020, srgb_light), 1);
  expect_near(pixel_with(cicp_chunk(1, 8)), converted(colour, kFromSrgb, linear), 1);
  EXPECT_NE(error_reading(with_chunks(png, cicp_chunk(9, 16))).find("HDR picture (transfer curve PQ"),
            std::string::npos);
  EXPECT_NE(error_reading(with_chunks(png, cicp_chunk(9, 18))).find("HDR picture (transfer curve HLG"),
            std::string::npos);
  const RgbaImage odd = read(with_chunks(png, cicp_chunk(77, 99)));
  EXPECT_EQ(pixel(odd, 1, 1), same);
  ASSERT_EQ(odd.notes.size(), 2U);
  EXPECT_NE(odd.notes[0].find("transfer curve (code 99) is unknown"), std::string::npos);
  EXPECT_NE(odd.notes[1].find("primaries (code 77) are unknown"), std::string::npos);
}

/// A curve of 1024 points.
cmsToneCurve* curve_of(const std::function<double(double)>& light) {
  std::vector<cmsUInt16Number> points;
  for (int i = 0; i < 1024; ++i) points.push_back(static_cast<cmsUInt16Number>(65535 * light(i / 1023.0)));
  return cmsBuildTabulatedToneCurve16(nullptr, 1024, points.data());
}

double pq_light(double v) {
  const double p = std::pow(v, 1 / 78.84375);
  return std::pow(std::max(0.0, p - 0.8359375) / (18.8515625 - 18.6875 * p), 1 / 0.1593017578125);
}
double hlg_light(double v) {
  return v <= 0.5 ? v * v / 3 : (std::exp((v - 0.55991073) / 0.17883277) + 0.28466892) / 12;
}

TEST_F(ImageFile, RefusesHdrProfilesByName) {
  const auto error_with = [this](const std::string& profile) {
    return error_reading(with_icc(encode_jpeg(small_jpeg()), profile));
  };
  const std::string pq = "HDR picture (transfer curve PQ", hlg = "HDR picture (transfer curve HLG";
  for (const char* title : {"Rec2100PQ", "Display P3 PQ", "SMPTE ST 2084"}) {
    EXPECT_NE(error_with(saved(rgb_profile(kP3, title))).find(pq), std::string::npos) << title;
  }
  EXPECT_NE(error_with(saved(rgb_profile(kP3, "Rec. ITU-R BT.2100 HLG"))).find(hlg), std::string::npos);
  EXPECT_NE(error_with(saved(rgb_profile(kP3, "A title", curve_of(pq_light)))).find(pq), std::string::npos);
  EXPECT_NE(error_with(saved(rgb_profile(kP3, "A title", curve_of(hlg_light)))).find(hlg), std::string::npos);
  for (const int transfer : {16, 18}) {
    cmsHPROFILE profile = rgb_profile(kP3, "A title");
    cmsSetProfileVersion(profile, 4.4);
    const std::string tag =
        std::string("cicp\0\0\0\0\x09", 9) + static_cast<char>(transfer) + std::string("\0\1", 2);
    ASSERT_TRUE(cmsWriteRawTag(profile, static_cast<cmsTagSignature>(0x63696370), tag.data(), 12));
    EXPECT_NE(error_with(saved(profile)).find(transfer == 16 ? pq : hlg), std::string::npos);
  }
  for (const char* title : {"HPQ1 matte", "Printer 2100 glossy"}) {
    EXPECT_EQ(error_with(saved(rgb_profile(kP3, title))), "") << title;
  }
}

TEST_F(ImageFile, SaysThatAProfileCannotBeUsed) {
  const std::string good = saved(rgb_profile(kAdobe, "Adobe RGB (1998)"));
  const std::string jpeg = encode_jpeg(small_jpeg());
  const Bytes plain = read(jpeg).pixels;
  const auto expect_note = [&](const std::string& file, const std::string& part) {
    const RgbaImage image = read(file);
    ASSERT_EQ(image.notes.size(), 1U);
    EXPECT_NE(image.notes[0].find(part), std::string::npos) << image.notes[0];
    EXPECT_NE(image.notes[0].find("taken as sRGB"), std::string::npos) << image.notes[0];
    EXPECT_NE(image.notes[0].find("picture: "), std::string::npos) << image.notes[0];
  };
  expect_note(with_icc(jpeg, "no profile"), "is damaged");
  expect_note(with_icc(jpeg, good.substr(0, 300)), "is damaged");
  const std::string no_space = std::string(good).replace(16, 4, 4, static_cast<char>(0xff));
  expect_note(with_icc(jpeg, no_space), "is not one for RGB pictures");
  expect_note(with_icc(jpeg, grey_profile(1.8)), "is not one for RGB pictures");
  expect_note(with_icc(jpeg, cmyk_profile()), "is not one for RGB pictures");
  EXPECT_EQ(read(with_icc(jpeg, cmyk_profile())).pixels, plain);
  // One of two parts.
  std::string half = with_icc(jpeg, good, 2);
  half.erase(2, 4 + 14 + (good.size() + 1) / 2);
  expect_note(half, "is damaged");
  JpegPicture inks = small_jpeg();
  inks.in_space = inks.file_space = JCS_CMYK;
  inks.pixels = gradient(20, 12, 4);
  expect_note(with_icc(encode_jpeg(inks), good), "is not one for CMYK pictures");

  const std::string png = encode_png(small_png());
  expect_note(with_chunks(png, png_chunk("iCCP", "icc")), "is damaged");
  expect_note(with_chunks(png, iccp_chunk("no profile")), "is damaged");
  std::string broken = with_chunks(png, iccp_chunk(good));
  broken[33 + 20] ^= 1;
  expect_note(broken, "is damaged");
  expect_note(webp_with_icc({1, 2, 3, 255}, "no profile"), "is damaged");
  EXPECT_EQ(read_image(directory_.write("picture", broken)).notes.size(), 1U);

  // Side data that is damaged is named as well.
  std::string gamma = with_chunks(png, gama_chunk(100000));
  gamma[33 + 9] ^= 1;
  const RgbaImage image = read(gamma);
  ASSERT_EQ(image.notes.size(), 1U);
  EXPECT_NE(image.notes[0].find("its gAMA chunk is damaged"), std::string::npos);
}

}  // namespace
}  // namespace forgedit
