#include <gtest/gtest.h>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/xmp.h"
#include "make_colours.h"

// Orientation by XMP, first frames of animations, JPEG files without an end, and formats that are not read.

namespace forgedit {
namespace {

using namespace testing;

constexpr const char* kRdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

std::string packet(const std::string& inside) {
  return std::string("<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>\n") +
         "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='" + kRdf + "'>" + inside +
         "</rdf:RDF></x:xmpmeta>\n<?xpacket end='w'?>";
}
std::string as_attribute(int orientation, const std::string& prefix = "tiff") {
  return packet("<rdf:Description rdf:about='' xmlns:" + prefix + "='http://ns.adobe.com/tiff/1.0/' " +
                prefix + ":Orientation='" + std::to_string(orientation) + "'/>");
}
std::string as_element(int orientation) {
  return packet(
      "<rdf:Description rdf:about='' xmlns:tiff='http://ns.adobe.com/tiff/1.0/'>\n <tiff:Make>x</tiff:Make>"
      "<tiff:Orientation> " +
      std::to_string(orientation) + "\n</tiff:Orientation></rdf:Description>");
}

TEST(Xmp, FindsTheOrientation) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(xmp_orientation(as_attribute(orientation)), orientation);
    EXPECT_EQ(xmp_orientation(as_element(orientation)), orientation);
    EXPECT_EQ(xmp_orientation(as_attribute(orientation, "ns1")), orientation);
  }
  for (const auto& other : {as_attribute(0), as_attribute(9), as_attribute(66), as_element(-1), std::string(),
                            std::string("no XML <"), packet("<rdf:Description tiff:Orientation='6'/>")}) {
    EXPECT_EQ(xmp_orientation(other), std::nullopt) << other;
  }
  // That of an ingredient is not the picture's.
  EXPECT_EQ(
      xmp_orientation(packet("<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' xmlns:i='urn:i'>"
                             "<i:part tiff:Orientation='6'><tiff:Orientation>6</tiff:Orientation></i:part>"
                             "</rdf:Description>")),
      std::nullopt);
  const std::string whole = as_element(6);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto found = xmp_orientation(whole.substr(0, size));
    EXPECT_TRUE(!found || found == 6);
  }
}

JpegPicture wide_jpeg() {
  JpegPicture picture;
  picture.width = 24;
  picture.height = 16;
  picture.pixels = flat(24, 16, {128, 128, 128});
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) picture.pixels[3 * (y * 24 + x)] = 250;
  }
  return picture;
}

/// A picture that was wide with a red top left corner, turned a quarter clockwise.
void expect_turned(const RgbaImage& image) {
  ASSERT_EQ(image.width, 16);
  ASSERT_EQ(image.height, 24);
  EXPECT_GT(pixel(image, 12, 3)[0], 200);
  EXPECT_LT(pixel(image, 3, 3)[0], 160);
}

TEST_F(ImageFile, TurnsByXmpWhereThereIsNoExif) {
  const std::string xap("http://ns.adobe.com/xap/1.0/\0", 29);
  const std::string jpeg = encode_jpeg(wide_jpeg());
  expect_turned(read(with_marker(jpeg, '\xe1', xap + as_attribute(6))));
  expect_turned(read(with_marker(jpeg, '\xe1', xap + as_element(6))));
  // EXIF comes first, wherever it stands.
  const std::string exif(std::string("Exif\0\0", 6) + exif_block(6, false));
  expect_turned(read(with_marker(with_marker(jpeg, '\xe1', exif), '\xe1', xap + as_element(3))));

  PngPicture png;
  png.width = 24;
  png.height = 16;
  png.rows = wide_jpeg().pixels;
  const std::string text = std::string("XML:com.adobe.xmp\0\0\0\0\0", 22) + as_element(6);
  expect_turned(read(with_chunks(encode_png(png), png_chunk("iTXt", text))));
  const auto raw = [](const std::string& name, const std::string& bytes) {
    std::string hex;
    for (const char c : bytes) {
      char pair[3];
      std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned char>(c));
      hex += pair;
      if (hex.size() % 73 == 72) hex += '\n';
    }
    return png_chunk("tEXt", "Raw profile type " + name + std::string(1, '\0') + "\n" + name + "\n      " +
                                 std::to_string(bytes.size()) + "\n" + hex + "\n");
  };
  expect_turned(read(with_chunks(encode_png(png), raw("exif", exif))));
  expect_turned(read(with_chunks(encode_png(png), raw("xmp", as_attribute(6)))));

  Bytes rgba;
  for (std::size_t i = 0; i < png.rows.size(); i += 3) {
    rgba.insert(rgba.end(), {png.rows[i], png.rows[i + 1], png.rows[i + 2], 255});
  }
  const std::string simple = encode_webp(24, 16, rgba);
  expect_turned(read(extended_webp(24, 16, 0x04, simple, riff_chunk("XMP ", as_attribute(6)))));
}

/// One frame of an animated WebP at even `x` and `y`.
std::string webp_frame(int x, int y, int width, int height, const Bytes& colour) {
  const auto number = [](int value, int size) {
    return integer(static_cast<std::uint32_t>(value), size, false);
  };
  return riff_chunk("ANMF", number(x / 2, 3) + number(y / 2, 3) + number(width - 1, 3) +
                                number(height - 1, 3) + number(100, 3) + number(0, 1) +
                                encode_webp(width, height, flat(width, height, colour)).substr(12));
}

TEST_F(ImageFile, ReadsTheFirstFrameOfAnAnimatedWebp) {
  const std::string control = riff_chunk("ANIM", std::string("\x10\x20\x30\xff\0\0", 6));
  const std::string frames =
      webp_frame(4, 2, 10, 8, {200, 90, 30, 255}) + webp_frame(0, 0, 20, 12, {1, 2, 3, 255});
  const RgbaImage image = read(extended_webp(20, 12, 0x12, "", control + frames));
  ASSERT_EQ(image.width, 20);
  ASSERT_EQ(image.height, 12);
  EXPECT_EQ(pixel(image, 4, 2), (Rgba{200, 90, 30, 255}));
  EXPECT_EQ(pixel(image, 13, 9), (Rgba{200, 90, 30, 255}));
  for (const auto& [x, y] : {std::pair{3, 2}, {4, 1}, {14, 9}, {13, 10}}) EXPECT_EQ(pixel(image, x, y)[3], 0);
  ASSERT_EQ(image.notes.size(), 1U);
  EXPECT_NE(image.notes[0].find("picture: an animated WebP of 2 frames: the first one is read"),
            std::string::npos);
  // A frame beyond the canvas.
  const std::string outside = webp_frame(12, 6, 10, 8, {200, 90, 30, 255});
  EXPECT_NE(error_reading(extended_webp(20, 12, 0x12, "", control + outside)), "");
}

TEST_F(ImageFile, ReadsTheFirstFrameOfAnAnimatedPng) {
  const std::string png = flat_png({200, 90, 30});
  const std::string control = png_chunk("acTL", integer(3, 4, true) + integer(0, 4, true));
  const std::string frame = png_chunk(
      "fcTL", integer(0, 4, true) + integer(8, 4, true) + integer(8, 4, true) + integer(0, 4, true) +
                  integer(0, 4, true) + integer(1, 2, true) + integer(10, 2, true) + std::string(2, '\0'));
  const RgbaImage image = read(with_chunks(png, control + frame));
  EXPECT_EQ(pixel(image, 7, 7), (Rgba{200, 90, 30, 255}));
  ASSERT_EQ(image.notes.size(), 1U);
  EXPECT_NE(image.notes[0].find("an animated PNG of 3 frames: the first one is read"), std::string::npos);
  const RgbaImage still = read(with_chunks(png, control));
  EXPECT_EQ(pixel(still, 7, 7), (Rgba{200, 90, 30, 255}));
  ASSERT_EQ(still.notes.size(), 1U);
  EXPECT_NE(still.notes[0].find("the still is read"), std::string::npos);
}

/// Reads all starts of a JPEG: what is read without an end marker equals the whole and says so.
void expect_whole_or_error(const std::string& file) {
  const RgbaImage whole = decode_rgba_image(file, "picture");
  EXPECT_TRUE(whole.notes.empty());
  std::size_t read = 0;
  for (std::size_t size = 2; size < file.size(); ++size) {
    RgbaImage part;
    const std::string message = error_of([&] { part = decode_rgba_image(file.substr(0, size), "picture"); });
    if (!message.empty()) {
      if (size > 2) {
        EXPECT_NE(message.find("truncated JPEG"), std::string::npos) << size << ": " << message;
      }
      continue;
    }
    ++read;
    EXPECT_EQ(part.pixels, whole.pixels) << "the first " << size << " of " << file.size() << " bytes";
    ASSERT_EQ(part.notes.size(), 1U);
    EXPECT_NE(part.notes[0].find("no end marker"), std::string::npos);
  }
  // At least the file without its marker and the one with half of it; a last byte may hold nothing but
  // filling.
  EXPECT_GE(read, 2U);
  EXPECT_LE(read, 4U);
}

TEST_F(ImageFile, ReadsAJpegWithoutEndIfItsRowsAreThere) {
  JpegPicture picture;
  picture.width = 40;
  picture.height = 30;
  picture.pixels = gradient(40, 30, 3);
  expect_whole_or_error(encode_jpeg(picture));
  picture.progressive = true;
  expect_whole_or_error(encode_jpeg(picture));
  picture.progressive = false;
  picture.scans = {
      {1, {0, 0, 0, 0}, 0, 63, 0, 0}, {1, {1, 0, 0, 0}, 0, 63, 0, 0}, {1, {2, 0, 0, 0}, 0, 63, 0, 0}};
  expect_whole_or_error(encode_jpeg(picture));
  picture.scans.clear();
  picture.restart_rows = 1;
  expect_whole_or_error(encode_jpeg(picture));
  picture.restart_rows = 0;
  picture.pixels = flat(40, 30, {120, 120, 120});
  expect_whole_or_error(encode_jpeg(picture));

  // Zeros in place of the marker, as recovered files have them.
  std::string filled = encode_jpeg(small_jpeg());
  const Bytes whole = read(filled).pixels;
  filled.replace(filled.size() - 2, 2, std::string(40, '\0'));
  const RgbaImage image = read(filled);
  EXPECT_EQ(image.pixels, whole);
  ASSERT_EQ(image.notes.size(), 1U);
}

TEST_F(ImageFile, NamesFormatsThatAreNotRead) {
  const std::pair<std::string, const char*> kinds[] = {
      {"GIF89a....", "GIF"},
      {std::string("BM\x10\0\0\0\0\0\0\0\x36\0\0\0", 14), "BMP"},
      {std::string("MM\0*\0\0\0\x08", 8), "TIFF"},
      {std::string("II*\0\x10\0\0\0CR\2\0", 12), "raw format"},
      {std::string("\0\0\0\x18"
                   "ftypcrx \0\0\0\1",
                   16),
       "raw format"},
      {"FUJIFILMCCD-RAW 0201", "raw format"},
      {std::string("8BPS\0\1", 6), "PSD"},
      {"\xff\x0a\xfa\x1f", "JPEG XL"},
      {std::string("\0\0\0\x0cJXL \r\n\x87\n", 12), "JPEG XL"},
      {std::string("\0\0\0\x0cjP  \r\n\x87\n", 12), "JPEG 2000"},
      {"<?xml version='1.0'?>\n<!-- a -->\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"},
      {"\xef\xbb\xbf<svg/>", "SVG"},
      {"<!DOCTYPE html><html></html>", "HTML"},
      {"P6\n8 8\n255\n", "Netpbm"},
      {"qoif....", "QOI"},
      {std::string("\0\0\1\0\1\0", 6), "ICO"},
      {"%PDF-1.7", "PDF"},
      {std::string("\0\0\1\0"
                   "ftypisom",
                   12),
       "video"},
  };
  for (const auto& [bytes, format] : kinds) {
    const std::string message = error_reading(bytes);
    EXPECT_NE(message.find(format), std::string::npos) << message;
    EXPECT_NE(message.find("is not supported, expected PNG, JPEG, WebP, HEIC or AVIF"), std::string::npos)
        << message;
    EXPECT_NE(message.find("convert it to PNG"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace forgedit
