#include "forgedit/io/charts/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/io/charts/text_painter.h"
#include "tests/io/charts/make_font.h"

namespace forgedit {
namespace {

SheetRow row_of(int count, const std::string& title = "row") {
  SheetRow row{title, {}};
  for (int i = 0; i < count; ++i) row.cells.push_back({Image(64, 64, {200, 10, 10}), std::to_string(i)});
  return row;
}

std::size_t count_pixels(const Image& image, std::array<std::uint8_t, 3> colour) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    count += std::equal(colour.begin(), colour.end(), image.pixels.data() + i);
  }
  return count;
}

TEST(ContactSheet, DrawsEveryCellWhole) {
  for (const int cell : {128, 256}) {
    const Image sheet =
        draw_contact_sheet({row_of(3), row_of(1, ""), row_of(19)}, testing::kShippedFont, "Title", cell);
    const auto area = static_cast<std::size_t>(cell) * static_cast<std::size_t>(cell);
    EXPECT_EQ(count_pixels(sheet, {200, 10, 10}), 23 * area);
  }
}

TEST(ContactSheet, BreaksLongRowsIntoLines) {
  const Image eight = draw_contact_sheet({row_of(8)}, testing::kShippedFont, "", 64);
  const Image nine = draw_contact_sheet({row_of(9)}, testing::kShippedFont, "", 64);
  EXPECT_LT(nine.width, eight.width);
  EXPECT_GT(nine.height, eight.height + 64);
}

TEST(ContactSheet, CellsFollowThePictures) {
  SheetRow wide{"", {{Image(200, 100, {1, 2, 3}), ""}, {Image(400, 200, {1, 2, 3}), ""}}};
  const Image sheet = draw_contact_sheet({wide}, testing::kShippedFont, "", 100);
  EXPECT_EQ(count_pixels(sheet, {1, 2, 3}), 2U * 100 * 50);
  EXPECT_LT(sheet.height, 100);
}

TEST(ContactSheet, AcceptsOddContents) {
  const Image nothing = draw_contact_sheet({}, testing::kShippedFont, "");
  EXPECT_GT(nothing.width, 0);
  EXPECT_GT(nothing.height, 0);
  SheetRow row{
      std::string(5000, 'w'),
      {{Image(), "no picture"},
       {Image(1, 4000, {9, 9, 9}), "thin\nsecond\nthird"},
       {Image(8, 8), std::string("\xff\xfe broken \xc3 UTF-8 \xed\xa0\x80\xf4\x90\x80\x80 \0 zero", 32)},
       {Image(8, 8), "\xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x8d\xb0 \n"}}};
  const Image odd =
      draw_contact_sheet({row, {}, {"only a title", {}}}, testing::kShippedFont, "a\n\nb\nc\nd\ne", 64);
  EXPECT_GT(odd.height, 64);
}

TEST(ContactSheet, RefusesBadFontsAndSizes) {
  EXPECT_THROW(draw_contact_sheet({}, "/nonexistent/font.ttf", ""), Error);
  EXPECT_THROW(draw_contact_sheet({}, __FILE__, ""), Error);
  EXPECT_THROW(draw_contact_sheet({}, testing::kShippedFont, "", 0), Error);
  EXPECT_THROW(draw_contact_sheet({}, testing::kShippedFont, "", 1 << 20), Error);
  EXPECT_THROW(draw_contact_sheet({row_of(100)}, testing::kShippedFont, "", 2048), Error);
}

TEST(TextPainter, ShortensToTheWidth) {
  const TextPainter painter(testing::kShippedFont);
  EXPECT_EQ(painter.shortened("short", 12, 500), "short");
  const std::string cut = painter.shortened("a rather long caf\xc3\xa9 label", 12, 100);
  EXPECT_LE(painter.width(cut, 12), 100);
  EXPECT_EQ(cut.substr(cut.size() - 3), "\xe2\x80\xa6");
  EXPECT_EQ(painter.width("", 12), 0);
  EXPECT_GT(painter.width("\xe6\xbc\xa2", 12), 0);  // not in this font: its code in a box
}

TEST(TextPainter, WrapsBetweenWords) {
  const TextPainter painter(testing::kShippedFont);
  const auto lines = painter.wrapped("one two three four five six seven eight nine ten", 12, 90, 3);
  ASSERT_EQ(lines.size(), 3U);
  for (const std::string& line : lines) EXPECT_LE(painter.width(line, 12), 90);
  EXPECT_EQ(lines[0].rfind("one two", 0), 0U);
  EXPECT_EQ(lines[2].substr(lines[2].size() - 3), "\xe2\x80\xa6");
  EXPECT_TRUE(painter.wrapped("", 12, 90, 3).empty());
  EXPECT_TRUE(painter.wrapped("  \n ", 12, 90, 3).empty());
  EXPECT_EQ(painter.wrapped("unbreakablewordthatistoolong", 12, 90, 3).size(), 1U);
}

TEST(TextPainter, CutsTextAtThePicturesEdges) {
  const TextPainter painter(testing::kShippedFont);
  Image image(20, 10);
  for (const double x : {-30.0, -3.5, 15.0, 200.0}) {
    for (const int y : {-20, 0, 5, 12, 100}) painter.draw(image, "Wgj", x, y, 14, {0, 0, 0});
  }
  EXPECT_LT(count_pixels(image, {255, 255, 255}), 200U);
}

}  // namespace
}  // namespace forgedit
