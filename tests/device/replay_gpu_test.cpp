// Only built with CUDA: work that is recorded, and work whose recording finds no room.
#include "forgedit/device/replay.h"

#include <gtest/gtest.h>

#include <thread>

#include "forgedit/core/torch.h"
#include "forgedit/device/device.h"

namespace forgedit {
namespace {

const c10::Device kGpu(c10::DeviceType::CUDA, 0);

/// A kind of work that did not run before.
std::string new_kind() {
  static int number = 0;
  return "test " + std::to_string(++number);
}

TEST(ReplayOnGpu, RecordsTheSecondRun) {
  const ReplayScope scope(kGpu);
  const auto x = torch::arange(4, torch::TensorOptions(kGpu).dtype(torch::kFloat));
  torch::Tensor doubled;
  int calls = 0;
  ReplayedWork work(kGpu, true, new_kind(), [&] {
    ++calls;
    x.add_(1);
    doubled = x * 2;
  });
  for (int run = 1; run <= 5; ++run) {
    work.run();
    EXPECT_TRUE(torch::equal(doubled.cpu(), 2 * (torch::arange(4) + run).to(torch::kFloat))) << run;
  }
  EXPECT_EQ(calls, 2);
}

TEST(ReplayOnGpu, RecordsTheFirstRunOfAKindThatRanBefore) {
  const ReplayScope scope(kGpu);
  const auto x = torch::zeros({4}, torch::TensorOptions(kGpu));
  const auto kind = new_kind();
  int calls = 0;
  for (int work_of_kind = 1; work_of_kind <= 2; ++work_of_kind) {
    ReplayedWork work(kGpu, true, kind, [&] {
      ++calls;
      x.add_(1);
    });
    for (int run = 1; run <= 3; ++run) work.run();
    EXPECT_TRUE(torch::equal(x.cpu(), torch::full({4}, 3 * work_of_kind, torch::kFloat))) << work_of_kind;
  }
  EXPECT_EQ(calls, 3) << "two for the first work, one for the second";
}

TEST(ReplayOnGpu, GoesOnWithoutARecordingThatFindsNoRoom) {
  const ReplayScope scope(kGpu);
  const auto x = torch::zeros({4}, torch::TensorOptions(kGpu));
  int calls = 0;
  ReplayedWork work(kGpu, true, new_kind(), [&] {
    const auto more = x + 1;
    if (++calls == 2) torch::empty({std::int64_t{1} << 45}, x.options());
    x.copy_(more);
  });
  for (int run = 1; run <= 4; ++run) {
    work.run();
    EXPECT_TRUE(torch::equal(x.cpu(), torch::full({4}, run, torch::kFloat))) << run;
  }
  EXPECT_EQ(calls, 5);
}

TEST(ReplayOnGpu, OtherThreadsUseTheDeviceWhileItRecords) {
  const ReplayScope scope(kGpu);
  const auto x = torch::zeros({4}, torch::TensorOptions(kGpu));
  int calls = 0;
  ReplayedWork work(kGpu, true, new_kind(), [&] {
    x.add_(1);
    if (++calls != 2) return;
    std::thread other([] {
      const auto host = torch::full({1 << 22}, 3, torch::TensorOptions().pinned_memory(true));
      const auto copy = host.to(kGpu, torch::kFloat);  // allocates, copies and waits
      EXPECT_EQ(copy.mean().item<float>(), 3);
    });
    other.join();
    x.mul_(2);
  });
  for (int run = 1; run <= 4; ++run) work.run();
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(torch::equal(x.cpu(), torch::full({4}, 22.0F))) << x;  // 1, then (x + 1) * 2 three times
}

TEST(ReplayOnGpu, ARecordingThatFailsLeavesNothingBehind) {
  const ReplayScope scope(kGpu);
  const auto x = torch::ones({4}, torch::TensorOptions(kGpu));
  release_memory(kGpu);
  const auto before = free_memory(kGpu);
  {
    int calls = 0;
    ReplayedWork work(kGpu, true, new_kind(), [&] {
      const auto large = torch::ones({1 << 28}, x.options());  // 1 GiB
      if (++calls == 2) large.sum().item<float>();             // what no recording bears
      x.add_(large[0]);
    });
    work.run();
    EXPECT_THROW(work.run(), std::exception);
  }
  EXPECT_TRUE(torch::equal(x.cpu(), torch::full({4}, 2.0F))) << "the stream takes work again";
  release_memory(kGpu);
  EXPECT_GT(free_memory(kGpu), before - (std::int64_t{256} << 20));
}

}  // namespace
}  // namespace forgedit
