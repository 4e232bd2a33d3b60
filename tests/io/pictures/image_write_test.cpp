#include "forgedit/io/pictures/image.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "forgedit/core/error.h"
#include "make_pictures.h"

namespace forgedit {
namespace {

using testing::encode_png;
using testing::error_of;
using testing::gradient;
using testing::ImageFile;
using testing::PngPicture;
using testing::small_png;

/// While this lives no file grows beyond a few bytes, as on a disk that is full.
class FullDisk {
 public:
  FullDisk() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    auto small = before_;
    small.rlim_cur = 16;
    ::setrlimit(RLIMIT_FSIZE, &small);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST_F(ImageFile, WritesAndReadsPngExactly) {
  Image image(13, 8);
  image.pixels = gradient(13, 8, 3);
  write_png(directory_ / "a.png", image);
  const Image again = read_image(directory_ / "a.png");
  EXPECT_EQ(again.width, 13);
  EXPECT_EQ(again.height, 8);
  EXPECT_EQ(again.pixels, image.pixels);
}

TEST_F(ImageFile, KeepsTextChunks) {
  const PngText text = {{"prompt", "caf\xc3\xa9 \xe2\x80\x9cnoir\xe2\x80\x9d\nsecond line"},
                        {"empty", ""},
                        {"forgedit", R"({"seed": 42})"}};
  write_png(directory_ / "a.png", Image(8, 8), text);
  EXPECT_EQ(read_png_text(directory_ / "a.png"), text);
  EXPECT_EQ(read_png_text(directory_.write("b.png", encode_png(small_png()))), PngText{});
}

TEST_F(ImageFile, ReadsEveryKindOfText) {
  const auto make = [](int compression, const char* key, const std::string& value) {
    png_text text{};
    text.compression = compression;
    text.key = const_cast<char*>(key);
    text.text = const_cast<char*>(value.c_str());
    return text;
  };
  const std::string plain = "na\xefve";  // Latin-1
  const std::string longer(5000, 'x');
  const std::string utf8 = "\xe2\x80\xa6";
  const std::string late = "late";
  PngPicture picture = small_png();
  picture.texts = {make(PNG_TEXT_COMPRESSION_NONE, "a", plain), make(PNG_TEXT_COMPRESSION_zTXt, "b", longer),
                   make(PNG_ITXT_COMPRESSION_zTXt, "c", utf8)};
  picture.late_texts = {make(PNG_TEXT_COMPRESSION_NONE, "d", late)};
  const PngText expected = {{"a", "na\xc3\xafve"}, {"b", longer}, {"c", utf8}, {"d", late}};
  EXPECT_EQ(read_png_text(directory_.write("a.png", encode_png(picture))), expected);
}

TEST_F(ImageFile, RefusesTextBombsAndDamage) {
  const std::string huge(17 << 20, 'x');
  png_text text{};
  text.compression = PNG_TEXT_COMPRESSION_zTXt;
  text.key = const_cast<char*>("bomb");
  text.text = const_cast<char*>(huge.c_str());
  PngPicture picture = small_png();
  picture.texts = {text};
  const auto path = directory_.write("bomb.png", encode_png(picture));
  EXPECT_NE(error_of([&] { read_png_text(path); }).find("zTXt"), std::string::npos);

  write_png(directory_ / "a.png", Image(8, 8), {{"key", "value"}});
  std::ifstream in(directory_ / "a.png", std::ios::binary);
  std::string file((std::istreambuf_iterator<char>(in)), {});
  file[file.find("value")] = 'V';
  EXPECT_NE(error_of([&] { read_png_text(directory_.write("b.png", file)); }).find("iTXt"),
            std::string::npos);
  EXPECT_NE(error_of([&] { read_png_text(directory_.write("c.png", "text")); }).find("not a PNG"),
            std::string::npos);
}

TEST_F(ImageFile, RefusesWhatPngCannotHold) {
  const auto path = directory_ / "a.png";
  const Image image(8, 8);
  for (const std::string& keyword : {std::string(), std::string(80, 'k'), std::string(" a"),
                                     std::string("a "), std::string("a  b"), std::string("a\nb")}) {
    EXPECT_NE(error_of([&] { write_png(path, image, {{keyword, "x"}}); }), "") << keyword;
  }
  EXPECT_NE(error_of([&] { write_png(path, image, {{"k", std::string("a\0b", 3)}}); }), "");
  EXPECT_NE(error_of([&] { write_png(path, Image()); }), "");
  Image broken(8, 8);
  broken.pixels.pop_back();
  EXPECT_NE(error_of([&] { write_png(path, broken); }), "");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ImageFile, ReportsUnwritablePlacesUnderTheFinalName) {
  const auto missing = directory_ / "none/a.png";
  EXPECT_NE(error_of([&] { write_png(missing, Image(8, 8)); }).find(missing.string() + ":"),
            std::string::npos);

  const auto path = directory_ / "full.png";
  std::string message;
  {
    const FullDisk full;
    message = error_of([&] { write_png(path, Image(200, 200)); });
  }
  EXPECT_EQ(message.rfind(path.string() + ":", 0), 0U) << message;
  EXPECT_TRUE(std::filesystem::is_empty(path.parent_path())) << "neither the picture nor a part of it";
}

}  // namespace
}  // namespace forgedit
