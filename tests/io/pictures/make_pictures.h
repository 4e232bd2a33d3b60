#pragma once

// Encoders for test pictures, over the same libraries that the readers use. Any failure ends the test
// program, which is what the libraries do without error handlers.

#include <gtest/gtest.h>
#include <png.h>
#include <webp/encode.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit::testing {

using Bytes = std::vector<unsigned char>;

/// A directory of its own for each test, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "forgedit-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) std::abort();
    path_ = pattern;
  }
  ~TemporaryDirectory() { remove_tree(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& contents) const {
    std::ofstream(path_ / name, std::ios::binary) << contents;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// A big- or little-endian integer of `size` bytes.
inline std::string integer(std::uint32_t value, int size, bool big_endian) {
  std::string bytes;
  for (int i = 0; i < size; ++i) {
    const int shift = 8 * (big_endian ? size - 1 - i : i);
    bytes += static_cast<char>(value >> shift & 0xff);
  }
  return bytes;
}

/// A TIFF block whose first directory holds a camera's width and this orientation.
inline std::string exif_block(int orientation, bool big_endian) {
  const auto number = [big_endian](std::uint32_t value, int size) {
    return integer(value, size, big_endian);
  };
  return (big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) + number(2, 2) +  //
         number(0x0100, 2) + number(4, 2) + number(1, 4) + number(640, 4) +          //
         number(0x0112, 2) + number(3, 2) + number(1, 4) +
         number(static_cast<std::uint32_t>(orientation), 2) + number(0, 2) + number(0, 4);
}

struct PngPicture {
  int width = 0;
  int height = 0;
  int bit_depth = 8;
  int colour_type = PNG_COLOR_TYPE_RGB;
  bool interlaced = false;
  Bytes rows;  ///< packed as PNG packs them
  std::vector<png_color> palette;
  Bytes palette_alpha;
  double gamma = 0.0;
  std::string exif;
  std::vector<png_text> texts;       ///< before the pixels
  std::vector<png_text> late_texts;  ///< after the pixels
};

inline std::string encode_png(const PngPicture& picture) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp p, png_bytep data, std::size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width), static_cast<png_uint_32>(picture.height),
               picture.bit_depth, picture.colour_type,
               picture.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!picture.palette.empty()) {
    png_set_PLTE(png, info, picture.palette.data(), static_cast<int>(picture.palette.size()));
  }
  if (!picture.palette_alpha.empty()) {
    png_set_tRNS(png, info, picture.palette_alpha.data(), static_cast<int>(picture.palette_alpha.size()),
                 nullptr);
  }
  if (picture.gamma > 0.0) png_set_gAMA(png, info, picture.gamma);
  std::string exif = picture.exif;
  if (!exif.empty()) {
    png_set_eXIf_1(png, info, static_cast<png_uint_32>(exif.size()),
                   reinterpret_cast<png_bytep>(exif.data()));
  }
  if (!picture.texts.empty()) {
    png_set_text(png, info, picture.texts.data(), static_cast<int>(picture.texts.size()));
  }
  png_write_info(png, info);
  const std::size_t stride = png_get_rowbytes(png, info);
  Bytes rows = picture.rows;
  rows.resize(stride * static_cast<std::size_t>(picture.height));
  std::vector<png_bytep> pointers;
  for (int y = 0; y < picture.height; ++y) {
    pointers.push_back(rows.data() + stride * static_cast<std::size_t>(y));
  }
  png_write_image(png, pointers.data());
  if (!picture.late_texts.empty()) {
    png_set_text(png, info, picture.late_texts.data(), static_cast<int>(picture.late_texts.size()));
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

struct JpegPicture {
  int width = 0;
  int height = 0;
  J_COLOR_SPACE in_space = JCS_RGB;
  J_COLOR_SPACE file_space = JCS_YCbCr;
  bool progressive = false;
  bool adobe_marker = false;
  std::string app1;                   ///< contents of an APP1 marker
  std::vector<jpeg_scan_info> scans;  ///< a progression of one's own
  int restart_rows = 0;               ///< rows of blocks between restart markers
  Bytes pixels;
};

inline std::string encode_jpeg(const JpegPicture& picture) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = static_cast<JDIMENSION>(picture.width);
  jpeg.image_height = static_cast<JDIMENSION>(picture.height);
  jpeg.in_color_space = picture.in_space;
  jpeg.input_components = picture.in_space == JCS_GRAYSCALE ? 1 : picture.in_space == JCS_CMYK ? 4 : 3;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, picture.file_space);
  jpeg.write_Adobe_marker = picture.adobe_marker ? TRUE : FALSE;
  jpeg_set_quality(&jpeg, 100, TRUE);
  if (picture.progressive) jpeg_simple_progression(&jpeg);
  if (!picture.scans.empty()) {
    jpeg.scan_info = picture.scans.data();
    jpeg.num_scans = static_cast<int>(picture.scans.size());
  }
  jpeg.restart_in_rows = picture.restart_rows;
  jpeg_start_compress(&jpeg, TRUE);
  if (!picture.app1.empty()) {
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(picture.app1.data()),
                      static_cast<unsigned>(picture.app1.size()));
  }
  Bytes pixels = picture.pixels;
  const std::size_t stride = static_cast<std::size_t>(picture.width) * jpeg.input_components;
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = pixels.data() + stride * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string file(reinterpret_cast<char*>(buffer), size);
  std::free(buffer);
  return file;
}

/// RGBA pixels as WebP, without loss unless told.
inline std::string encode_webp(int width, int height, const Bytes& rgba, bool lossless = true) {
  std::uint8_t* buffer = nullptr;
  const std::size_t size = lossless ? WebPEncodeLosslessRGBA(rgba.data(), width, height, width * 4, &buffer)
                                    : WebPEncodeRGBA(rgba.data(), width, height, width * 4, 90.0F, &buffer);
  if (size == 0) std::abort();
  std::string file(reinterpret_cast<char*>(buffer), size);
  WebPFree(buffer);
  return file;
}

/// One RIFF chunk.
inline std::string riff_chunk(const std::string& name, const std::string& payload) {
  return name + integer(static_cast<std::uint32_t>(payload.size()), 4, false) + payload +
         std::string(payload.size() % 2, '\0');
}

/// A WebP file in the extended layout from the chunks of a simple one; flags as in VP8X.
inline std::string extended_webp(int width, int height, int flags, const std::string& simple,
                                 const std::string& more_chunks) {
  const std::string header = integer(static_cast<std::uint32_t>(flags), 4, false) +
                             integer(static_cast<std::uint32_t>(width - 1), 3, false) +
                             integer(static_cast<std::uint32_t>(height - 1), 3, false);
  return riff_chunk(
      "RIFF", "WEBP" + riff_chunk("VP8X", header) + (simple.empty() ? "" : simple.substr(12)) + more_chunks);
}

/// The message of the Error that `action` throws; empty when it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A pattern that differs per pixel and channel, smooth enough for a lossy codec.
inline Bytes gradient(int width, int height, int channels) {
  Bytes bytes;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        bytes.push_back(static_cast<unsigned char>((x * 9 + y * 5 * (c + 1) + c * 40) % 256));
      }
    }
  }
  return bytes;
}

/// One colour everywhere.
inline Bytes flat(int width, int height, const Bytes& colour) {
  Bytes bytes;
  for (int i = 0; i < width * height; ++i) bytes.insert(bytes.end(), colour.begin(), colour.end());
  return bytes;
}

inline PngPicture small_png() {
  PngPicture picture;
  picture.width = 11;
  picture.height = 9;
  picture.rows = gradient(11, 9, 3);
  return picture;
}

inline JpegPicture small_jpeg() {
  JpegPicture picture;
  picture.width = 20;
  picture.height = 12;
  picture.pixels = gradient(20, 12, 3);
  return picture;
}

/// Writes contents to a file of its own and reads them back.
class ImageFile : public ::testing::Test {
 protected:
  RgbaImage read(const std::string& contents, const std::string& name = "picture") {
    return read_rgba_image(directory_.write(name, contents));
  }
  std::string error_reading(const std::string& contents) {
    return error_of([&] { read(contents); });
  }

  TemporaryDirectory directory_;
};

}  // namespace forgedit::testing
