#include "forgedit/io/pictures/image.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/exif.h"
#include "make_pictures.h"

namespace forgedit {
namespace {

using testing::Bytes;
using testing::encode_jpeg;
using testing::encode_png;
using testing::error_of;
using testing::gradient;
using testing::ImageFile;
using testing::JpegPicture;
using testing::PngPicture;
using testing::small_jpeg;
using testing::small_png;

std::string short_of(const std::string& file) {
  return file.substr(0, file.size() - 20);
}

TEST_F(ImageFile, NamesWhatIsWrong) {
  const auto expect = [this](const std::string& contents, const std::string& part) {
    const std::string message = error_reading(contents);
    EXPECT_NE(message.find(part), std::string::npos) << "got: " << message;
    EXPECT_NE(message.find("picture"), std::string::npos) << "got: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  };
  expect("", "the file is empty");
  expect("just some text\n", "expected PNG, JPEG, WebP, HEIC or AVIF");
  expect("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer");
  expect("GIF89a....", "GIF is not supported");
  expect(std::string("BM\x10\0\0\0\0\0\0\0\x36\0\0\0", 14), "BMP is not supported");
  expect(std::string("II*\0\x08\0\0\0", 8), "TIFF (or a camera's raw format) is not supported");
  expect(std::string("MM\0*\0\0\0\x08", 8), "TIFF (or a camera's raw format) is not supported");
  expect(std::string("\0\0\0\x18", 4) + "ftypheic", "truncated HEIC");
  expect(std::string("\0\0\0\x18", 4) + "ftypavif", "truncated AVIF");
  expect(short_of(encode_png(small_png())), "truncated PNG");
  expect(short_of(encode_jpeg(small_jpeg())), "truncated JPEG");
  expect(short_of(testing::encode_webp(9, 8, gradient(9, 8, 4))), "truncated WebP");
  expect(testing::extended_webp(16, 16, 0x02, "", testing::riff_chunk("ANIM", "123456")), "animated WebP");
}

TEST_F(ImageFile, NamesMissingFilesAndDirectories) {
  EXPECT_NE(error_of([&] { read_rgba_image(directory_ / "none.png"); }).find("none.png: no such file"),
            std::string::npos);
  EXPECT_NE(error_of([&] { read_rgba_image(directory_.path()); }).find("a directory"), std::string::npos);
}

TEST_F(ImageFile, RefusesSizesOutsideTheLimits) {
  PngPicture tiny = small_png();
  tiny.width = tiny.height = 1;
  EXPECT_NE(error_reading(encode_png(tiny)).find("1x1 pixels, too small: expected sides of at least 8"),
            std::string::npos);

  // The size is refused from the header: nothing else of the file is there.
  const std::string png = encode_png(small_png());
  const auto with_size = [&png](std::uint32_t width, std::uint32_t height) {
    std::string header = png.substr(0, 33);
    header.replace(16, 8, testing::integer(width, 4, true) + testing::integer(height, 4, true));
    return header;
  };
  EXPECT_NE(error_reading(with_size(30000, 30000)).find("30000x30000 pixels, too large"), std::string::npos);
  EXPECT_NE(error_reading(with_size(0xffffffff, 0xffffffff)).find("too large"), std::string::npos);
  EXPECT_NE(error_reading(with_size(16384, 16384)).find("at most 120 million pixels"), std::string::npos);
  EXPECT_NE(error_reading(with_size(0, 20)).find("too small"), std::string::npos);

  std::string jpeg = encode_jpeg(small_jpeg());
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, testing::integer(30000, 2, true) + testing::integer(30000, 2, true));
  EXPECT_NE(error_reading(jpeg).find("30000x30000 pixels, too large"), std::string::npos);
}

TEST_F(ImageFile, AllocatesNothingThatTheFileCannotHold) {
  std::string jpeg = encode_jpeg(small_jpeg());
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, testing::integer(10000, 2, true) + testing::integer(10000, 2, true));
  EXPECT_NE(error_reading(jpeg).find("truncated JPEG"), std::string::npos);
  jpeg = encode_jpeg(small_jpeg());
  jpeg[frame + 1] = '\xc9';  // the frame of a sequential picture in arithmetic coding
  EXPECT_NE(error_reading(jpeg).find("arithmetic coding"), std::string::npos);

  // libpng would take 2 GB for this text and only then look for it.
  std::string png = encode_png(small_png());
  png.insert(33, testing::integer(2'000'000'000, 4, true) + "iTXtkey");
  EXPECT_NE(error_reading(png).find("truncated PNG"), std::string::npos);
  EXPECT_NE(error_reading(png.substr(0, 33 + 11)).find("truncated PNG"), std::string::npos);
}

TEST_F(ImageFile, RefusesJpegWithHundredsOfScans) {
  // One scan per frequency and channel, first without its lowest bit, then with it: valid, and slow.
  JpegPicture picture = small_jpeg();
  picture.scans.push_back({3, {0, 1, 2, 0}, 0, 0, 0, 0});
  for (const int bit : {1, 0}) {
    for (int channel = 0; channel < 3; ++channel) {
      for (int k = 1; k < 64; ++k) picture.scans.push_back({1, {channel, 0, 0, 0}, k, k, bit ? 0 : 1, bit});
    }
  }
  EXPECT_NE(error_reading(encode_jpeg(picture)).find("more than 200 scans"), std::string::npos);
  picture.scans.clear();
  picture.progressive = true;
  EXPECT_EQ(error_reading(encode_jpeg(picture)), "");
}

/// One to four bits of `file` flipped.
std::string damaged(std::string file, std::mt19937& random) {
  const std::size_t flips = 1 + random() % 4;
  for (std::size_t k = 0; k < flips; ++k) {
    file[random() % file.size()] ^= static_cast<char>(1U << random() % 8);
  }
  return file;
}

/// No start of the file can be read, but for its last `optional` bytes, and damaged copies are read or
/// refused with an Error.
void expect_robust(const std::string& file, std::size_t optional = 0) {
  for (std::size_t size = 0; size < file.size() - optional; ++size) {
    const std::string part = file.substr(0, size);  // a copy of its own, so that sanitizers see its end
    ASSERT_NE(error_of([&] { decode_rgba_image(part, "picture"); }), "")
        << "the first " << size << " of " << file.size() << " bytes were read";
  }
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const std::string copy = damaged(file, random);
    error_of([&] { decode_rgba_image(copy, "picture"); });
  }
}

TEST_F(ImageFile, SurvivesDamagedText) {
  write_png(directory_ / "a.png", Image(8, 8), {{"key", "value"}, {"other", "text"}});
  std::ifstream in(directory_ / "a.png", std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t size = 0; size < file.size() - 4; size += 3) {
    const auto path = directory_.write("part.png", file.substr(0, size));
    error_of([&] { read_png_text(path); });
  }
  std::mt19937 random(8);
  for (int i = 0; i < 300; ++i) {
    const auto path = directory_.write("damaged.png", damaged(file, random));
    error_of([&] { read_png_text(path); });
  }
}

TEST(DamagedFile, SurvivesPng) {
  PngPicture picture = small_png();
  picture.exif = testing::exif_block(6, false);
  expect_robust(encode_png(picture));
  picture.interlaced = true;
  expect_robust(encode_png(picture));
}

TEST(DamagedFile, SurvivesJpeg) {
  JpegPicture picture = small_jpeg();
  picture.app1 = std::string("Exif\0\0", 6) + testing::exif_block(6, false);
  // A JPEG may lack its end marker, of two bytes, and the bits that fill up the byte before it.
  expect_robust(encode_jpeg(picture), 3);
  picture.progressive = true;
  expect_robust(encode_jpeg(picture), 3);
}

TEST(DamagedFile, SurvivesWebp) {
  const Bytes rgba = gradient(17, 9, 4);
  expect_robust(testing::encode_webp(17, 9, rgba));
  expect_robust(testing::encode_webp(17, 9, rgba, false));
  const std::string exif = testing::riff_chunk("EXIF", testing::exif_block(3, true));
  expect_robust(testing::extended_webp(17, 9, 0x08, testing::encode_webp(17, 9, rgba), exif));
}

TEST(Exif, IgnoresDamage) {
  const std::string good = testing::exif_block(6, true);
  EXPECT_EQ(exif_orientation(good), 6);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const int orientation = exif_orientation(std::string_view(good).substr(0, size));
    EXPECT_TRUE(orientation == 1 || orientation == 6) << size;
  }
  EXPECT_EQ(exif_orientation(testing::exif_block(9, false)), 1);
  EXPECT_EQ(exif_orientation(testing::exif_block(0, false)), 1);
  EXPECT_EQ(exif_orientation(std::string("II*\0\xff\xff\xff\xff", 8)), 1);
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    const int orientation = exif_orientation(bytes);
    ASSERT_TRUE(orientation >= 1 && orientation <= 8);
  }
}

}  // namespace
}  // namespace forgedit
