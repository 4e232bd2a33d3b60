#include "forgedit/io/charts/text_painter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/charts/contact_sheet.h"
#include "tests/io/charts/make_font.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::FontWriter;

constexpr int kCat = 0x732b;
constexpr const char* kCatText = "\xe7\x8c\xab";
constexpr const char* kDogText = "\xe7\x8b\x97";

class Glyphs : public testing::TemporaryFolder {
 protected:
  static std::vector<std::uint8_t> drawn(const TextPainter& painter, const std::string& text) {
    Image image(120, 40);
    painter.draw(image, text, 4, 30, 24, {0, 0, 0});
    return image.pixels;
  }
  static std::size_t dark(const std::vector<std::uint8_t>& pixels) {
    return static_cast<std::size_t>(std::count(pixels.begin(), pixels.end(), 0)) / 3;
  }
};

TEST_F(Glyphs, CharactersThatNoFontHasAreTellable) {
  const TextPainter painter(testing::kShippedFont);
  std::set<std::vector<std::uint8_t>> pictures;
  for (const char* text : {"", kCatText, kDogText, "\xf0\x9f\xa6\x8a", "\xf0\x9f\xa6\x8b"}) {
    pictures.insert(drawn(painter, text));
    EXPECT_EQ(painter.width(text, 24) > 0, *text != 0);
    EXPECT_EQ(painter.lacking(text), *text != 0 ? 1U : 0U);
  }
  EXPECT_EQ(pictures.size(), 5U);
  EXPECT_EQ(painter.lacking(std::string("a caf\xc3\xa9 ") + kCatText + kDogText), 2U);
}

TEST_F(Glyphs, WhatNobodySeesTakesNoPlace) {
  const TextPainter painter(testing::kShippedFont);
  const std::string unseen = "\xe2\x80\x8d\xef\xb8\x8f\xe2\x80\x8b\xef\xbb\xbf\xc2\xad\x07";
  EXPECT_EQ(painter.width(unseen, 24), 0);
  EXPECT_EQ(painter.lacking(unseen), 0U);
  EXPECT_EQ(drawn(painter, "a" + unseen + "b"), drawn(painter, "ab"));
  EXPECT_EQ(painter.width("a\tb", 24), painter.width("a b", 24));
}

TEST_F(Glyphs, OtherFontsFillIn) {
  std::filesystem::create_directories(folder_ / "below");
  FontWriter::write(folder_ / "below" / "Cat-Regular.ttf", kCat);
  const TextPainter painter(Fonts(testing::kShippedFont, {folder_ / "missing", folder_}));
  EXPECT_EQ(painter.lacking(kCatText), 0U);
  EXPECT_EQ(painter.lacking(kDogText), 1U);
  EXPECT_NEAR(painter.width(kCatText, 24), 24, 1e-3);
  EXPECT_NEAR(static_cast<double>(dark(drawn(painter, kCatText))), 0.8 * 24 * 0.8 * 24, 60);
  EXPECT_EQ(painter.width("ab", 24), TextPainter(testing::kShippedFont).width("ab", 24))
      << "the main font comes first";
}

TEST_F(Glyphs, FontsThatAreOfNoUseArePassedOver) {
  FontWriter::write(folder_ / "a.ttf", kCat, /*filled=*/false);
  write_file_atomically(folder_ / "b.ttf", "no font");
  write_file_atomically(folder_ / "c.otf", "");
  FontWriter::write(folder_ / "whole.ttf", kCat);
  const auto whole = read_file(folder_ / "whole.ttf", 1 << 20);
  std::filesystem::remove(folder_ / "whole.ttf");
  for (std::size_t size = 0; size + 8 < whole.size(); size += 7) {
    write_file_atomically(folder_ / ("cut" + std::to_string(size) + ".ttf"), whole.substr(0, size));
  }
  std::filesystem::create_directories(folder_ / "folder.ttf");
  EXPECT_EQ(TextPainter(Fonts(testing::kShippedFont, {folder_})).lacking(kCatText), 1U);
  EXPECT_THROW(TextPainter(folder_ / "b.ttf"), Error);
}

TEST_F(Glyphs, UprightFacesComeFirst) {
  for (const char* name : {"A-Bold.ttf", "B-Regular.TTF", "C.txt", "D-SerifItalic.otf", "E.ttc"}) {
    write_file_atomically(folder_ / name, "x");
  }
  std::vector<std::string> names;
  for (const auto& file : font_files({folder_, folder_ / "missing"}))
    names.push_back(file.filename().string());
  EXPECT_EQ(names, (std::vector<std::string>{"B-Regular.TTF", "E.ttc", "A-Bold.ttf", "D-SerifItalic.otf"}));
}

TEST_F(Glyphs, RowsOfASheetStayTellable) {
  const auto sheet = [](const std::string& target) {
    return draw_contact_sheet({{target + " \xc2\xb7 vs \xc2\xb7 donotforget", {{Image(64, 64), "seed 0"}}}},
                              testing::kShippedFont, "");
  };
  EXPECT_NE(sheet(kCatText).pixels, sheet(kDogText).pixels);
  EXPECT_NE(sheet(kCatText).pixels, sheet("").pixels);
}

TEST(TextPainter, NoLineBeginsWithADot) {
  const TextPainter painter(testing::kShippedFont);
  const std::string text = "a red square on a beach \xc2\xb7 vs \xc2\xb7 donotforget";
  for (int width = 60; width < 400; ++width) {
    for (const auto& line : painter.wrapped(text, 12, width, 20)) {
      EXPECT_NE(line.rfind("\xc2\xb7", 0), 0U) << line;
    }
  }
}

TEST(TextPainter, IdeographsBreakAnywhereButBeforeTheirSigns) {
  const TextPainter painter(testing::kShippedFont);
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += std::string(kCatText) + kDogText + "\xe3\x80\x82";  // ideographic full stop
  const auto lines = painter.wrapped(text, 12, 100, 100);
  EXPECT_GT(lines.size(), 3U);
  std::string joined;
  for (const auto& line : lines) {
    EXPECT_LE(painter.width(line, 12), 100);
    EXPECT_NE(line.rfind("\xe3\x80\x82", 0), 0U) << line;
    joined += line;
  }
  EXPECT_EQ(joined, text);
}

}  // namespace
}  // namespace forgedit
