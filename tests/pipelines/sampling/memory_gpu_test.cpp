// Only built with CUDA: learning under a memory plan, recorded, against learning without one.
#include <gtest/gtest.h>

#include "forgedit/pipelines/learning/learn.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {
namespace {

class MemoryOnGpu : public ::testing::Test {
 protected:
  static std::filesystem::path miniature() {
    return std::filesystem::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model";
  }
  static StableDiffusion read_miniature() {
    return StableDiffusion::read(miniature(), {c10::Device(c10::DeviceType::CUDA, 0), Precision::bf16});
  }
  LearnResult learn_under(const MemoryPlan& plan, Tuning tuning = Tuning::full) {
    return learn_with(read_miniature(), plan, tuning);
  }
  LearnResult learn_with(StableDiffusion model, const MemoryPlan& plan, Tuning tuning) {
    model.place(plan);
    const auto latents = torch::randn({1, 4, 32, 32}, at::detail::createCPUGenerator(3));
    LearnOptions options;
    options.samples = 100;
    set_tuning(options, tuning);
    const auto batches = random_learn_batches(options, latents, at::detail::createCPUGenerator(1), 1000);
    auto result = learn(model, latents, "a dog", options, batches);
    for (const auto& [name, parameter] : parameters_of(*model.unet)) {
      EXPECT_TRUE(torch::equal(parameter.cpu(), model.unet_as_loaded.at(name).to(torch::kBFloat16))) << name;
    }
    return result;
  }
  static void expect_close(const LearnResult& found, const LearnResult& expected) {
    ASSERT_EQ(found.losses.size(), expected.losses.size());
    for (std::size_t i = 0; i < found.losses.size(); ++i) {
      EXPECT_NEAR(found.losses[i], expected.losses[i], 0.03 * expected.losses[i]) << i;
    }
  }
};

// In a process of its own: LibTorch's allocator knows the device only from the first tensor on.
TEST(GpuMemory, CanBeAskedBeforeTheFirstTensor) {
  const c10::Device device(c10::DeviceType::CUDA, 0);
  reset_peak_memory(device);
  EXPECT_GE(peak_memory(device), 0);
}

TEST_F(MemoryOnGpu, LearnsLikeTheFastestWay) {
  const auto expected = learn_under({});
  MemoryPlan parts, again, all;
  parts.micro_batch = 5;
  again.checkpointing = true;
  all.offload = all.checkpointing = all.eight_bit_adam = true;
  all.micro_batch = 2;
  for (const auto& plan : {parts, again, all}) expect_close(learn_under(plan), expected);
}

// Without checkpoints the keys and values of the text are computed ahead, but not those of the adapters.
TEST_F(MemoryOnGpu, AdaptersLearnLikeTheFastestWay) {
  MemoryPlan again;
  again.checkpointing = true;
  expect_close(learn_under(again, Tuning::lora), learn_under({}, Tuning::lora));
}

// Large models keep the half precision of their files until their weights are on the GPU. The miniature is
// too small for that, so its weights are set.
TEST_F(MemoryOnGpu, HalfPrecisionWeightsLearnTheSame) {
  const auto learn_from = [&](at::ScalarType type, Tuning tuning) {
    auto model = read_miniature();
    for (auto& [name, parameter] : parameters_of(*model.unet)) {
      if (parameter.dim() >= 2) parameter.set_data(parameter.detach().to(torch::kHalf).to(type));
    }
    return learn_with(std::move(model), {}, tuning);
  };
  for (const auto tuning : {Tuning::full, Tuning::lora}) {
    const auto expected = learn_from(torch::kFloat, tuning), found = learn_from(torch::kHalf, tuning);
    EXPECT_EQ(found.losses, expected.losses);
    ASSERT_FALSE(found.unet.empty());
    for (const auto& [name, tensor] : found.unet)
      EXPECT_TRUE(torch::equal(tensor, expected.unet.at(name))) << name;
  }
}

}  // namespace
}  // namespace forgedit
