// Only built with CUDA: work that is recorded, and work whose recording finds no room.
#include "forgedit/device/replay.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace forgedit {
namespace {

const c10::Device kGpu(c10::DeviceType::CUDA, 0);

TEST(ReplayOnGpu, RecordsTheSecondRun) {
  const ReplayScope scope(kGpu);
  const auto x = torch::arange(4, torch::TensorOptions(kGpu).dtype(torch::kFloat));
  torch::Tensor doubled;
  int calls = 0;
  ReplayedWork work(kGpu, true, [&] {
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

TEST(ReplayOnGpu, GoesOnWithoutARecordingThatFindsNoRoom) {
  const ReplayScope scope(kGpu);
  const auto x = torch::zeros({4}, torch::TensorOptions(kGpu));
  int calls = 0;
  ReplayedWork work(kGpu, true, [&] {
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

}  // namespace
}  // namespace forgedit
