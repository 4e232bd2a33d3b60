#include "forgedit/core/files.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

class Tree : public testing::TemporaryFolder {
 protected:
  void SetUp() override {
    testing::TemporaryFolder::SetUp();
    make_directory(folder_ / "tree" / "deep");
    write_file_atomically(folder_ / "kept", "x");
    write_file_atomically(folder_ / "tree" / "b", "x");
    write_file_atomically(folder_ / "tree" / "deep" / "a", "x");
    fs::create_symlink(folder_ / "kept", folder_ / "tree" / "link");
    fs::create_symlink("nowhere", folder_ / "tree" / "dangling");
  }
};

TEST_F(Tree, ListsFilesAndLinksInOrder) {
  const auto tree = folder_ / "tree";
  const std::vector<fs::path> expected{tree / "b", tree / "dangling", tree / "deep" / "a", tree / "link"};
  EXPECT_EQ(list_tree(tree), expected);
  EXPECT_TRUE(list_tree(folder_ / "none").empty());
  fs::create_directory_symlink(tree, folder_ / "other");
  EXPECT_EQ(list_tree(folder_ / "other").size(), expected.size());
}

TEST_F(Tree, RemovesAllButWhatLinksPointAt) {
  remove_tree(folder_ / "tree");
  EXPECT_FALSE(fs::exists(folder_ / "tree"));
  EXPECT_TRUE(fs::exists(folder_ / "kept"));
  remove_tree(folder_ / "tree");
}

using AtomicWrite = testing::TemporaryFolder;

TEST_F(AtomicWrite, LeavesTheOldFileUntilAllIsThere) {
  write_file_atomically(folder_ / "a", "old");
  {
    AtomicFile file(folder_ / "a");
    file.write("new", 3);
    EXPECT_EQ(read_file(folder_ / "a"), "old");
    EXPECT_EQ(list_tree(folder_).size(), 2U);
  }
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_EQ(list_tree(folder_).size(), 1U) << "the temporary file is gone";
  write_file_atomically(folder_ / "a", "new");
  EXPECT_EQ(read_file(folder_ / "a"), "new");
}

TEST_F(AtomicWrite, ReplacesALinkAndNotItsFile) {
  write_file_atomically(folder_ / "other", "kept");
  fs::create_symlink(folder_ / "other", folder_ / "a");
  write_file_atomically(folder_ / "a", "new");
  EXPECT_FALSE(fs::is_symlink(folder_ / "a"));
  EXPECT_EQ(read_file(folder_ / "other"), "kept");
}

TEST_F(AtomicWrite, NamesTheFileThatCannotBeWritten) {
  const auto message = testing::message_of([&] { write_file_atomically(folder_ / "none" / "a", "x"); });
  EXPECT_EQ(message, (folder_ / "none" / "a").string() + ": cannot be written: No such file or directory");
}

}  // namespace
}  // namespace forgedit
