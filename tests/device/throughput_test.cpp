#include "forgedit/device/throughput.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace forgedit {
namespace {

TEST(Throughput, ARunIsTimedAfterOneThatWarmsUp) {
  int calls = 0;
  const auto runs = time_runs(c10::Device(c10::DeviceType::CPU), [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(calls++ == 0 ? 200 : 10));
  });
  EXPECT_EQ(calls, 4);
  EXPECT_GE(runs.best, 0.009);
  EXPECT_GE(runs.mean, runs.best);
  EXPECT_LT(runs.best, 0.2) << "the first run does not count";
}

TEST(Throughput, AQuickMeasureLeavesThreadsAsTheyWere) {
  const int threads = at::get_num_threads();
  const auto rate = measure_matmul_quickly({});
  EXPECT_GT(rate.mean, 1e8);
  EXPECT_GE(rate.best, rate.mean);
  EXPECT_EQ(at::get_num_threads(), threads);
}

}  // namespace
}  // namespace forgedit
