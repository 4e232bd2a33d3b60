#include "forgedit/io/archive/zip_stream.h"

#include <gtest/gtest.h>

#include "forgedit/io/archive/zip.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

class ZipStreamTest : public testing::TemporaryFolder {};

std::string all_of(ZipStream& zip) {
  std::string text;
  for (auto part = zip.next(); !part.empty(); part = zip.next()) text += part;
  return text;
}

TEST_F(ZipStreamTest, ItsFilesAreReadBack) {
  const std::string large(700'001, 'x');
  write_file_atomically(folder_ / "a", "one");
  write_file_atomically(folder_ / "b", large);
  write_file_atomically(folder_ / "c", "");
  ZipStream zip({{"x/a.txt", folder_ / "a"}, {"x/b", folder_ / "b"}, {"ü", folder_ / "c"}});
  const auto archive = all_of(zip);
  EXPECT_EQ(archive.size(), zip.size());
  EXPECT_TRUE(zip.next().empty());
  const auto entries = read_zip_directory(archive, "zip");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(unpack_zip_entry(archive, entries.at("x/a.txt"), 1 << 20, "a"), "one");
  EXPECT_EQ(unpack_zip_entry(archive, entries.at("x/b"), 1 << 20, "b"), large);
  EXPECT_EQ(unpack_zip_entry(archive, entries.at("ü"), 1 << 20, "c"), "");
}

TEST_F(ZipStreamTest, AFileThatShrinksIsNoticed) {
  write_file_atomically(folder_ / "a", "three");
  ZipStream zip({{"a", folder_ / "a"}});
  write_file_atomically(folder_ / "a", "one");
  EXPECT_TRUE(testing::contains(testing::message_of([&] { all_of(zip); }), "shorter"));
  EXPECT_THROW(ZipStream({{"a", folder_ / "none"}}), Error);
}

}  // namespace
}  // namespace forgedit
