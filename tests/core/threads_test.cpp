#include <atomic>
#include <set>
#include <thread>

#include "forgedit/core/files.h"
#include "forgedit/core/folder_lock.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/stop.h"
#include "tests/support/temporary_folder.h"

// What several threads use at once. ThreadSanitizer runs these too (make tsan).

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using Threads = testing::TemporaryFolder;

/// Runs `work(0)`, `work(1)`, ... at the same time, to their ends.
template <typename Work>
void at_once(int count, Work work) {
  std::atomic<int> waiting{count};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      work(i);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(Threads, AJobSeesTheStopOfAnother) {
  StopFlag stop;
  std::atomic<std::int64_t> steps{0};
  bool cancelled = false;
  std::thread job([&] {
    try {
      for (;;) {
        stop.throw_if_stopped();
        ++steps;
        std::this_thread::yield();
      }
    } catch (const Cancelled&) {
      cancelled = true;
    }
  });
  while (steps < 10) std::this_thread::yield();
  stop.stop();
  job.join();
  EXPECT_TRUE(cancelled);
  EXPECT_TRUE(stop.stopped());
}

TEST_F(Threads, OneOfThemHasALock) {
  const auto place = FolderLock::inside(folder_);
  std::atomic<int> inside{0}, entered{0}, refused{0};
  std::atomic<bool> shared{false};
  at_once(4, [&](int) {
    for (int i = 0; i < 50; ++i) {
      try {
        const FolderLock lock(place, "out");
        if (++inside > 1) shared = true;
        std::this_thread::yield();
        --inside;
        ++entered;
      } catch (const Error&) {
        ++refused;
      }
    }
  });
  EXPECT_FALSE(shared);
  EXPECT_GT(entered, 0);
  EXPECT_EQ(entered + refused, 200);
  EXPECT_FALSE(fs::exists(place));
}

TEST_F(Threads, ReadersSeeWholeFiles) {
  const auto path = folder_ / "record";
  write_file_atomically(path, std::string(10'000, 'a'));
  std::atomic<bool> torn{false};
  at_once(4, [&](int i) {
    for (int round = 0; round < 25; ++round) {
      if (i % 2 == 0) {
        write_file_atomically(path, std::string(10'000, static_cast<char>('a' + (i + round) % 26)),
                              Flush::no);
      } else {
        const auto contents = read_file(path);
        const auto same = contents.find_first_not_of(contents.front()) == std::string::npos;
        if (contents.size() != 10'000 || !same) torn = true;
      }
    }
  });
  EXPECT_FALSE(torn);
  EXPECT_EQ(list_tree(folder_).size(), 1U) << "no temporary file is left";
}

TEST_F(Threads, LeftoversOfTheLivingStay) {
  std::atomic<int> lost{0};
  at_once(4, [&](int i) {
    for (int round = 0; round < 25; ++round) {
      if (i == 0) {
        clear_leftovers(folder_);
        continue;
      }
      try {
        write_file_atomically(folder_ / std::to_string(i), "whole", Flush::no);
      } catch (const Error&) {
        ++lost;
      }
    }
  });
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(list_tree(folder_).size(), 3U);
}

TEST_F(Threads, FoldersAreListedByEachForItself) {
  for (const char* name : {"a", "b"}) {
    make_directory(folder_ / name);
    for (int i = 0; i < 20; ++i) write_file_atomically(folder_ / name / std::to_string(i), name, Flush::no);
  }
  std::atomic<int> wrong{0};
  at_once(4, [&](int i) {
    const auto folder = folder_ / (i % 2 == 0 ? "a" : "b");
    for (int round = 0; round < 20; ++round) {
      const auto paths = list_tree(folder);
      if (paths.size() != 20) ++wrong;
      for (const auto& path : paths) {
        if (path.parent_path() != folder) ++wrong;
      }
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(Threads, TemporaryNamesAreDifferent) {
  std::vector<std::vector<std::string>> names(4);
  at_once(4, [&](int i) {
    for (int round = 0; round < 100; ++round) names[static_cast<std::size_t>(i)].push_back(temporary_name());
  });
  std::set<std::string> all;
  for (const auto& list : names) all.insert(list.begin(), list.end());
  EXPECT_EQ(all.size(), 400U);
}

}  // namespace
}  // namespace forgedit
