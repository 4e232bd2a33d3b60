#include "forgedit/core/folder_lock.h"

#include <sys/wait.h>

#include <fstream>
#include <optional>

#include "forgedit/core/files.h"
#include "forgedit/core/leftovers.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::message_of;
using Lock = testing::TemporaryFolder;

TEST_F(Lock, NamesWhoHasIt) {
  const auto place = FolderLock::inside(folder_);
  std::optional<FolderLock> first(std::in_place, place, "out");
  const auto message = message_of([&] { FolderLock(place, "out"); });
  EXPECT_EQ(message.rfind("out: in use by another forgedit (host ", 0), 0U) << message;
  EXPECT_TRUE(testing::contains(message, "process " + std::to_string(::getpid()) + ", since 20")) << message;
  first.reset();
  EXPECT_FALSE(fs::exists(place));
  FolderLock again(place, "out");
}

TEST_F(Lock, OfAKilledProcessIsTakenOver) {
  const auto place = FolderLock::beside(folder_ / "a.edit");
  const auto child = ::fork();
  if (child == 0) {
    new FolderLock(place, "a.edit");
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(fs::exists(place));
  FolderLock lock(place, "a.edit");
  EXPECT_TRUE(testing::contains(read_file(place), "process " + std::to_string(::getpid())));
}

TEST_F(Lock, FollowsNoLink) {
  std::ofstream(folder_ / "letter") << "dear";
  fs::create_symlink(folder_ / "letter", FolderLock::inside(folder_));
  EXPECT_TRUE(testing::contains(message_of([&] { FolderLock(FolderLock::inside(folder_), "out"); }),
                                "cannot be written"));
  EXPECT_EQ(read_file(folder_ / "letter"), "dear");
}

TEST_F(Lock, LeftoversGoAndWhatIsInUseStays) {
  std::ofstream(folder_ / ".forgedit-0000000000000001.tmp") << "half";
  std::ofstream(folder_ / ".forgedit-0000000000000002.lock") << "";
  std::ofstream(folder_ / "notes.tmp") << "mine";
  AtomicFile living(folder_ / "a");
  FolderLock lock(FolderLock::inside(folder_), "out");
  clear_leftovers(folder_);
  EXPECT_EQ(list_tree(folder_).size(), 3U);
  EXPECT_TRUE(fs::exists(folder_ / "notes.tmp"));
  living.commit(Flush::no);
  EXPECT_TRUE(fs::exists(folder_ / "a"));
}

}  // namespace
}  // namespace forgedit
