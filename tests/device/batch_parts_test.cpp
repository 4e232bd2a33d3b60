#include "forgedit/device/batch_parts.h"

#include <gtest/gtest.h>

#include <thread>

#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

class Parts : public ::testing::Test {
 protected:
  Parts() : before_(at::get_num_threads()) { at::set_num_threads(4); }
  ~Parts() override { at::set_num_threads(before_); }
  int before_;
};

TEST_F(Parts, CoverTheBatchOnce) {
  const auto batch = torch::arange(10);
  const BatchParts parts({}, 10);
  ASSERT_EQ(parts.count(), 4);
  std::vector<torch::Tensor> seen(4);
  parts.run([&](std::int64_t part) { seen[static_cast<std::size_t>(part)] = parts.of(batch, part); });
  EXPECT_EQ(seen[0].size(0), 3);
  EXPECT_EQ(seen[3].size(0), 2);
  EXPECT_TRUE(torch::equal(torch::cat(seen), batch));
}

TEST_F(Parts, AreNoMoreThanThreadsSamplesAndWhatIsAskedFor) {
  EXPECT_EQ(BatchParts({}, 3).count(), 3);
  EXPECT_EQ(BatchParts({}, 100).count(), 4);
  EXPECT_EQ(BatchParts({}, 100, 2).count(), 2);
  EXPECT_EQ(BatchParts({}, 100, 0).count(), 1);
  ComputePolicy plain;
  plain.plain = true;
  EXPECT_EQ(BatchParts(plain, 100).count(), 1);
  ComputePolicy autocast;
  autocast.precision = Precision::bf16;
  EXPECT_EQ(BatchParts(autocast, 100).count(), 1);
}

TEST_F(Parts, ShareTheThreadsAndLeaveTheCallersAlone) {
  {
    const BatchParts parts({}, 2);
    std::vector<int> threads(2);
    parts.run([&](std::int64_t part) { threads[static_cast<std::size_t>(part)] = at::get_num_threads(); });
    EXPECT_EQ(threads, (std::vector<int>{2, 2}));
    EXPECT_EQ(at::get_num_threads(), 4);
  }
  int later = 0;
  std::thread([&] { later = at::get_num_threads(); }).join();
  EXPECT_EQ(later, 4);
}

TEST_F(Parts, HaveGradientsAsTheCallerHas) {
  const BatchParts parts({}, 4);
  const auto modes = [&] {
    std::vector<int> on(4);
    parts.run([&](std::int64_t part) { on[static_cast<std::size_t>(part)] = at::GradMode::is_enabled(); });
    return on;
  };
  EXPECT_EQ(modes(), std::vector<int>(4, 1));
  torch::NoGradGuard no_grad;
  EXPECT_EQ(modes(), std::vector<int>(4, 0));
}

TEST_F(Parts, FailuresComeThroughAndAreOver) {
  const BatchParts parts({}, 4);
  std::atomic<int> calls{0};
  const auto run = [&](std::int64_t failing) {
    parts.run([&](std::int64_t part) {
      ++calls;
      if (part >= failing) throw failure("part " + std::to_string(part));
    });
  };
  try {
    run(2);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "part 2");
  }
  run(4);
  EXPECT_EQ(calls, 8);
}

}  // namespace
}  // namespace forgedit
