#include "forgedit/io/archive/zip.h"

#include "tests/support/make_xlsx.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::make_zip;
using testing::message_of;

constexpr std::size_t kMaxBytes = 1 << 20;

std::string unpack(const std::string& archive, const std::string& name) {
  return unpack_zip_entry(archive, read_zip_directory(archive, "a.zip").at(name), kMaxBytes,
                          "a.zip: " + name);
}

/// With `bytes` in the place of those at `at` of an entry's record in the directory.
std::string with_record(std::string archive, int entry, std::size_t at, const std::string& bytes) {
  std::size_t record = 0;
  for (int i = 0; i <= entry; ++i) record = archive.find("PK\x01\x02", record + 1);
  return archive.replace(record + at, bytes.size(), bytes);
}

const std::string kText = std::string(5000, 'a') + "b";
const std::string kArchive = make_zip({{"deflated", kText}, {"stored", kText}});

TEST(Zip, StoredAndDeflated) {
  const auto entries = read_zip_directory(kArchive, "a.zip");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_FALSE(entries.at("deflated").stored());
  EXPECT_LT(entries.at("deflated").packed_size, 100U);
  EXPECT_TRUE(entries.at("stored").stored());
  EXPECT_EQ(unpack(kArchive, "deflated"), kText);
  EXPECT_EQ(unpack(kArchive, "stored"), kText);
  EXPECT_EQ(unpack(make_zip({{"empty", ""}}), "empty"), "");
}

TEST(Zip, RefusesWhatLies) {
  const auto refuse = [&](const std::string& archive) {
    return message_of([&] { read_zip_directory(archive, "a.zip"); });
  };
  const auto number = [](std::uint32_t value) { return testing::little_endian(value, 4); };
  EXPECT_EQ(refuse("hello"), "a.zip: not a zip archive");
  EXPECT_EQ(refuse(""), "a.zip: not a zip archive");
  for (std::size_t size = 2; size < kArchive.size(); ++size) {
    EXPECT_TRUE(contains(refuse(kArchive.substr(0, size)), "truncated")) << size;
  }
  EXPECT_TRUE(contains(refuse(with_record(kArchive, 0, 8, "\x01")), "deflated: encrypted"));
  EXPECT_TRUE(contains(refuse(with_record(kArchive, 1, 24, number(5000))), "stored: two sizes"));
  EXPECT_TRUE(contains(refuse(with_record(kArchive, 0, 24, number(1 << 30))), "larger than it can be"));
  EXPECT_TRUE(contains(refuse(with_record(kArchive, 0, 20, number(1 << 30))), "truncated"));
  EXPECT_TRUE(contains(refuse(with_record(kArchive, 1, 42, number(0))), "entries overlap"));
  EXPECT_TRUE(contains(refuse(with_record(kArchive, 1, 42, number(1))), "not where the directory says"));
  EXPECT_TRUE(contains(refuse(make_zip({{"a", "1"}, {"a", "2"}})), "a: twice"));
}

TEST(Zip, RefusesContentsThatDoNotFit) {
  const auto refuse = [&](const std::string& archive, const std::string& name) {
    return message_of([&] { unpack(archive, name); });
  };
  const auto entries = read_zip_directory(kArchive, "a.zip");
  EXPECT_EQ(message_of([&] { unpack_zip_entry(kArchive, entries.at("deflated"), 5000, "here"); }),
            "here: 5001 bytes, expected at most 5000");
  EXPECT_EQ(refuse(with_record(kArchive, 0, 10, "\x0c"), "deflated"),
            "a.zip: deflated: packed by method 12, expected stored or deflated");
  // One byte more or less than the stream has.
  for (const std::uint32_t size : {5000U, 5002U}) {
    EXPECT_EQ(refuse(with_record(kArchive, 0, 24, testing::little_endian(size, 4)), "deflated"),
              "a.zip: deflated: damaged");
  }
  for (const char* name : {"deflated", "stored"}) {
    const int record = name == std::string("stored");
    EXPECT_EQ(refuse(with_record(kArchive, record, 16, "\x01\x02\x03\x04"), name),
              "a.zip: " + std::string(name) + ": checksum does not fit");
  }
}

}  // namespace
}  // namespace forgedit
