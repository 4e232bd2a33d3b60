#include <gtest/gtest.h>

#include "forgedit/core/error.h"
#include "forgedit/device/precision.h"

namespace forgedit {
namespace {

const c10::Device kCpu(c10::DeviceType::CPU), kGpu(c10::DeviceType::CUDA, 0);

TEST(ChoosePrecision, IsBf16OnlyWhereAGpuHasIt) {
  EXPECT_EQ(choose_precision(kGpu, {}, true), Precision::bf16);
  EXPECT_EQ(choose_precision(kGpu, {}, false), Precision::fp32);
  EXPECT_EQ(choose_precision(kCpu, {}, true), Precision::fp32);
}

TEST(ChoosePrecision, TakesWhatIsAskedForOrRefusesIt) {
  EXPECT_EQ(choose_precision(kCpu, Precision::bf16, true), Precision::bf16);
  EXPECT_EQ(choose_precision(kGpu, Precision::fp32, true), Precision::fp32);
  EXPECT_EQ(choose_precision(kGpu, Precision::fp32, false), Precision::fp32);
  try {
    choose_precision(kGpu, Precision::bf16, false);
    FAIL() << "bf16 on a GPU without it";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.field(), "precision");
    EXPECT_NE(std::string(error.what()).find("bf16"), std::string::npos) << error.what();
  }
}

TEST(HasBf16, CpusDo) {
  EXPECT_TRUE(has_bf16(kCpu));
}

}  // namespace
}  // namespace forgedit
