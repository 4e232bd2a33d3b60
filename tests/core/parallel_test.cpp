#include "forgedit/core/parallel.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace forgedit {
namespace {

class ParallelFor : public ::testing::Test {
 protected:
  ParallelFor() { at::set_num_threads(4); }
  ~ParallelFor() override { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

TEST_F(ParallelFor, DoesEachValueOnceOnSeveralThreads) {
  std::vector<std::atomic<int>> times(103);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  parallel_for(103, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = first; i < last; ++i) ++times[static_cast<std::size_t>(i)];
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  for (const auto& count : times) EXPECT_EQ(count, 1);
  EXPECT_EQ(threads.size(), 4U);
}

TEST_F(ParallelFor, MakesNoMorePartsThanTheGrainAllows) {
  std::atomic<int> parts{0};
  const auto count_parts = [&](std::int64_t first, std::int64_t last) {
    EXPECT_LT(first, last);
    ++parts;
  };
  parallel_for(100, 64, count_parts);
  EXPECT_EQ(parts, 2);
  parallel_for(64, 64, count_parts);
  EXPECT_EQ(parts, 3);
  parallel_for(0, 64, count_parts);
  EXPECT_EQ(parts, 3);
}

TEST_F(ParallelFor, InsideOfAPartNothingIsSplit) {
  std::atomic<int> inner{0};
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    const auto owner = std::this_thread::get_id();
    parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), owner);
      ++inner;
    });
  });
  EXPECT_EQ(inner, 4);
}

TEST_F(ParallelFor, ThrowsWhatTheFirstPartThrewAfterAllAreDone) {
  std::atomic<int> done{0};
  try {
    parallel_for(4, 1, [&](std::int64_t first, std::int64_t) {
      ++done;
      if (first > 0) throw std::runtime_error(std::to_string(first));
    });
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
  EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace forgedit
