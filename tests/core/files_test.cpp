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

}  // namespace
}  // namespace forgedit
