#include "forgedit/core/staging.h"

#include <sys/stat.h>

#include <fstream>

#include "forgedit/core/files.h"
#include "forgedit/core/leftovers.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::message_of;

class Stage : public testing::TemporaryFolder {
 protected:
  std::size_t entries() const { return list_directory(folder_).size(); }
  /// What a process that was killed leaves: a staging folder with a plan and no lock.
  fs::path dead_staging(const std::string& plan) {
    const auto staged = folder_ / ".forgedit-00000000000000ff.tmp";
    make_directory(staged);
    std::ofstream(staged / "plan") << plan;
    return staged;
  }
  static std::string moved(const fs::path& path, const std::string& name) {
    struct stat status {};
    ::lstat(path.c_str(), &status);
    return "move " + std::to_string(status.st_ino) + " " + name + "\n";
  }
};

TEST_F(Stage, PublishesAllOrNothing) {
  {
    Staging staging(folder_);
    write_file_atomically(staging.folder() / "a", "1");
    write_file_atomically(staging.folder() / "b", "2");
    EXPECT_FALSE(fs::exists(folder_ / "a"));
    staging.publish({"a", "b"});
  }
  EXPECT_EQ(read_file(folder_ / "a"), "1");
  EXPECT_EQ(entries(), 2U);

  Staging staging(folder_);
  write_file_atomically(staging.folder() / "c", "3");
  write_file_atomically(staging.folder() / "b", "4");
  EXPECT_TRUE(testing::contains(message_of([&] { staging.publish({"c", "b"}); }), "b: already exists"));
  EXPECT_FALSE(fs::exists(folder_ / "c")) << "taken back";
  EXPECT_EQ(read_file(folder_ / "b"), "2");
}

TEST_F(Stage, TakesBackWhatAKilledProcessBegan) {
  const auto staged = dead_staging("");
  write_file_atomically(folder_ / "model.embedding", "moved");
  write_file_atomically(staged / "model", "not moved");
  std::ofstream(staged / "plan") << moved(folder_ / "model.embedding", "model.embedding")
                                 << moved(staged / "model", "model");
  clear_leftovers(folder_);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Stage, WhatWasCompleteStays) {
  const auto staged = dead_staging("");
  write_file_atomically(folder_ / "model.embedding", "moved");
  write_file_atomically(folder_ / "model", "moved");
  std::ofstream(staged / "plan") << moved(folder_ / "model.embedding", "model.embedding")
                                 << moved(folder_ / "model", "model");
  clear_leftovers(folder_);
  EXPECT_EQ(entries(), 2U);
}

TEST_F(Stage, PlansLeadNowhereElse) {
  make_directory(folder_ / "place");
  write_file_atomically(folder_ / "kept", "x");
  const auto staged = folder_ / "place" / ".forgedit-00000000000000ff.tmp";
  make_directory(staged);
  std::ofstream(staged / "plan") << moved(folder_ / "kept", "../kept") << "move 1 gone\n";
  clear_leftovers(folder_ / "place");
  EXPECT_EQ(read_file(folder_ / "kept"), "x");
}

TEST_F(Stage, ReplacesAFolderAtOnce) {
  make_directory(folder_ / "a.edit");
  write_file_atomically(folder_ / "a.edit" / "old", "1");
  {
    Staging staging(folder_);
    make_directory(staging.folder() / "a.edit");
    write_file_atomically(staging.folder() / "a.edit" / "new", "2");
    staging.replace("a.edit");
  }
  EXPECT_FALSE(fs::exists(folder_ / "a.edit" / "old"));
  EXPECT_EQ(read_file(folder_ / "a.edit" / "new"), "2");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Stage, ALivingOneStays) {
  Staging staging(folder_);
  write_file_atomically(staging.folder() / "a", "1");
  clear_leftovers(folder_);
  staging.publish({"a"});
  EXPECT_EQ(read_file(folder_ / "a"), "1");
}

}  // namespace
}  // namespace forgedit
