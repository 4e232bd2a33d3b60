#include "forgedit/io/pictures/heif_boxes.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "forgedit/io/pictures/image.h"
#include "make_pictures.h"

namespace forgedit {
namespace {

using namespace testing;

std::string box(const std::string& type, const std::string& contents) {
  return integer(static_cast<std::uint32_t>(8 + contents.size()), 4, true) + type + contents;
}

std::string reference(const std::string& type, std::uint32_t from, const std::vector<std::uint32_t>& to) {
  std::string contents = integer(from, 2, true) + integer(static_cast<std::uint32_t>(to.size()), 2, true);
  for (const std::uint32_t item : to) contents += integer(item, 2, true);
  return box(type, contents);
}

/// What is said of a file with these references whose primary picture is item 1.
std::string error_with(const std::string& references) {
  const std::string no_flags(4, '\0');
  const std::string file = box("meta", no_flags + box("iref", no_flags + references));
  return error_of([&] { check_heif_references(split_heif_boxes(file, "a", "HEIC"), 1, "a", "HEIC"); });
}

constexpr const char* kComposed = "its picture is composed of itself";

TEST(HeifBoxes, AGridWithAlphaIsFine) {
  std::vector<std::uint32_t> tiles, alpha_tiles;
  for (std::uint32_t i = 0; i < 400; ++i) {
    tiles.push_back(10 + i);
    alpha_tiles.push_back(1010 + i);
  }
  EXPECT_EQ(
      error_with(reference("dimg", 1, tiles) + reference("auxl", 2, {1}) + reference("dimg", 2, alpha_tiles) +
                 reference("thmb", 3, {1}) + reference("cdsc", 4, {1})),
      "");
}

TEST(HeifBoxes, APictureCannotBePartOfItself) {
  EXPECT_NE(error_with(reference("dimg", 1, {1})).find(kComposed), std::string::npos);
  EXPECT_NE(error_with(reference("dimg", 1, {2}) + reference("dimg", 2, {1})).find(kComposed),
            std::string::npos);
  // The alpha channel is made of the picture whose alpha channel it is.
  EXPECT_NE(error_with(reference("auxl", 2, {1}) + reference("dimg", 2, {1})).find(kComposed),
            std::string::npos);
  // A circle that the primary picture has no part in is not followed.
  EXPECT_EQ(error_with(reference("dimg", 2, {2})), "");
}

TEST(HeifBoxes, PartsAreBounded) {
  std::string chain, layers;
  for (std::uint32_t i = 1; i <= 9; ++i) chain += reference("dimg", i, {i + 1});
  for (std::uint32_t i = 1; i <= 5; ++i) layers += reference("dimg", i, std::vector<std::uint32_t>(8, i + 1));
  EXPECT_NE(error_with(chain).find("8 levels"), std::string::npos);
  chain.resize(chain.size() - reference("dimg", 9, {10}).size());
  EXPECT_EQ(error_with(chain), "");
  EXPECT_NE(error_with(layers).find("10000 parts"), std::string::npos);
}

TEST(HeifBoxes, ReferencesHaveTheSizeOfTheirCount) {
  std::string longer = reference("dimg", 1, {2, 3});
  longer[11] = 1;
  EXPECT_NE(error_with(longer).find("a reference of a wrong size"), std::string::npos);
  EXPECT_NE(error_with(box("dimg", "\1")).find("a reference of a wrong size"), std::string::npos);
}

TEST(HeifBoxes, ReferencesDoNotHideInABoxWithALongerHeader) {
  EXPECT_NE(error_with(reference("uuid", 1, {2})).find("a reference of a wrong size or type"),
            std::string::npos);
}

TEST(HeifBoxes, ThereAreNotMillionsOfReferences) {
  std::string many;
  for (std::uint32_t i = 0; i < 16; ++i) many += reference("dimg", 2, std::vector<std::uint32_t>(65535, 3));
  EXPECT_NE(error_with(many).find("too many references"), std::string::npos);
}

TEST(HeifBoxes, FilesWithACircleAreRejected) {
  const auto folder = std::filesystem::path(FORGEDIT_SOURCE_DIR) / "fuzz/corpus/picture";
  EXPECT_NE(error_of([&] { read_image(folder / "circle.heic"); }).find(kComposed), std::string::npos);
  EXPECT_NE(error_of([&] { read_image(folder / "circle_in_uuid.heic"); }).find("a reference of a wrong"),
            std::string::npos);
}

}  // namespace
}  // namespace forgedit
