#include "forgedit/pipelines/model/memory_plan.h"

#include <gtest/gtest.h>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

/// Vanilla learning at 512x512 and drawing, with the sizes of SD 1.4.
MemoryTask sd14() {
  MemoryTask task;
  task.policy = {c10::Device(c10::DeviceType::CUDA, 0), Precision::bf16};
  task.unet_count = 859'520'964;
  task.vae_count = 83'653'863;
  task.text_count = task.text_brought = 123'060'480;
  task.width = task.height = 512;
  task.unet_learning = 587'600'000;
  task.batch = 10;
  task.draw_batch = 8;
  return task;
}

MemoryTask only_learning() {
  auto task = sd14();
  task.draw_batch = 0;
  return task;
}

MemoryTask only_drawing() {
  auto task = sd14();
  task.batch = 0;
  return task;
}

double gib(const MemoryTask& task, const MemoryPlan& plan) {
  return static_cast<double>(estimate_peak(task, plan)) / kGiB;
}

// Measured on an H200, tensors alone: docs/performance.md.
TEST(MemoryPlan, EstimatesAreNearWhatWasMeasured) {
  const double outside = static_cast<double>(outside_of_tensors(sd14().policy.device)) / kGiB;
  auto task = only_learning();
  EXPECT_NEAR(gib(task, {}) - outside, 12.81, 3.0);
  EXPECT_GT(gib(task, {}) - outside, 12.81);
  task.width = task.height = 768;
  EXPECT_NEAR(gib(task, {}) - outside, 19.53, 3.5);
  EXPECT_GT(gib(task, {}) - outside, 19.53);
}

/// Of one image per batch.
MemoryTask sdxl(int side) {
  MemoryTask task;
  task.policy = {c10::Device(c10::DeviceType::CUDA, 0), Precision::bf16};
  task.unet.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"};
  task.unet.up_block_types = {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"};
  task.unet.block_out_channels = {320, 640, 1280};
  task.unet.heads = {5, 10, 20};
  task.unet.transformer_layers_per_block = {1, 2, 10};
  task.unet_count = 2'567'463'684;
  task.width = task.height = side;
  task.batch = 1;
  return task;
}

// By hand: a transformer of ten blocks keeps 23 + 9 · 21 maps.
TEST(MemoryPlan, DeepTransformersKeepMore) {
  const auto activations = [](int side) { return static_cast<double>(estimate_step(sdxl(side), {})) / kGiB; };
  EXPECT_NEAR(activations(1024), 4.48, 0.02);
  EXPECT_NEAR(activations(512), 1.12, 0.01);
  auto drawing = sdxl(1024), shallow = drawing;
  drawing.batch = shallow.batch = 0;
  drawing.draw_batch = shallow.draw_batch = 1;
  shallow.unet.transformer_layers_per_block = {1, 1, 1};
  EXPECT_GT(gib(drawing, {}), gib(shallow, {}) + 0.3) << "weights of self-attentions side by side";
}

/// Learning at 1024x1024 and drawing, with the sizes of SDXL: the blocks that the published code learns.
MemoryTask sdxl_edit() {
  auto task = sdxl(1024);
  task.vae_count = 83'653'863;
  task.text_count = 817'719'552;
  task.unet_learning = 935'000'000;
  task.batch = 10;
  task.draw_batch = 8;
  return task;
}

TEST(MemoryPlan, SdxlFitsCardsThatPeopleHave) {
  const auto full = plan_memory(sdxl_edit(), 24);
  EXPECT_FALSE(full.eight_bit_adam) << describe(full);
  EXPECT_TRUE(find_memory_plan(sdxl_edit(), 16)) << "with 8-bit Adam";
  auto lora = sdxl_edit();
  lora.unet_adapters = 23'000'000;
  EXPECT_FALSE(plan_memory(lora, 12).eight_bit_adam);
  auto drawing = sdxl_edit();
  drawing.batch = 0;
  ASSERT_TRUE(find_memory_plan(drawing, 8));
  EXPECT_TRUE(find_memory_plan(drawing, 8)->offload);
  lora.batch = 0;
  EXPECT_TRUE(find_memory_plan(lora, 8)) << "what adapters learned elsewhere";
  // Texts are encoded beside the UNet: not even the larger text encoder has room there.
  drawing.text_brought = 694'659'840;
  EXPECT_FALSE(find_memory_plan(drawing, 8));
}

TEST(MemoryPlan, PublishedBudgets) {
  const auto plan = [](const MemoryTask& task, double budget) { return describe(plan_memory(task, budget)); };
  EXPECT_EQ(plan(only_learning(), 24), "24 GiB: enough without any measures");
  EXPECT_EQ(plan(only_learning(), 16), "16 GiB: enough without any measures");
  EXPECT_EQ(plan(only_learning(), 12), "12 GiB: checkpointing");
  EXPECT_EQ(plan(only_learning(), 8),
            "8 GiB: unused weights offloaded to the CPU, micro-batches of 2, checkpointing");
  EXPECT_EQ(plan(only_drawing(), 8), "8 GiB: enough without any measures");
  EXPECT_EQ(plan(only_drawing(), 4), "4 GiB: unused weights offloaded to the CPU, one image per batch");
}

TEST(MemoryPlan, WhatItSaysFits) {
  for (const double budget : {3.6, 4.0, 6.5, 7.0, 8.0, 9.0, 10.0, 12.0, 16.0, 24.0}) {
    for (const auto& task : {sd14(), only_learning(), only_drawing()}) {
      const auto plan = find_memory_plan(task, budget);
      if (!plan) continue;
      EXPECT_LE(gib(task, *plan), budget) << describe(*plan);
      EXPECT_EQ(plan->estimated_peak, estimate_peak(task, *plan));
      EXPECT_TRUE(plan->micro_batch == 0 || task.batch % plan->micro_batch == 0);
    }
  }
}

TEST(MemoryPlan, MoreMemoryNeverMeansMoreMeasures) {
  const auto task = only_learning();
  bool eight_bit = true;
  for (double budget = 6.5; budget < 26; budget += 0.25) {
    const auto plan = find_memory_plan(task, budget);
    if (!plan) continue;
    EXPECT_LE(plan->eight_bit_adam, eight_bit) << budget;
    eight_bit = plan->eight_bit_adam;
  }
  EXPECT_FALSE(eight_bit);
}

TEST(MemoryPlan, TooLittleNamesTheLeastThatWorks) {
  const auto task = only_learning();
  std::string message;
  try {
    plan_memory(task, 4);
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
  const std::string start = "4 GiB is too little for fine-tuning at 512x512; the least that works is ";
  ASSERT_EQ(message.rfind(start, 0), 0U) << message;
  const double least = std::stod(message.substr(start.size()));
  EXPECT_LT(least, 8);
  EXPECT_TRUE(find_memory_plan(task, least));
  EXPECT_FALSE(find_memory_plan(task, least - 0.02));
}

TEST(MemoryPlan, NetworksThatDoNotLearnStayInMemory) {
  auto task = only_learning(), larger = task;
  larger.vae_count *= 2;
  larger.text_count *= 2;
  EXPECT_GT(gib(larger, {}), gib(task, {}) + 0.6);
  auto dreambooth = task;
  dreambooth.text_learning = task.text_count;
  // The text encoder's float32 copy, its gradient and Adam.
  EXPECT_NEAR(gib(dreambooth, {}) - gib(task, {}), 16 * 0.1146, 0.02);
  task.policy = larger.policy = {};
  EXPECT_GT(gib(larger, {}), gib(task, {}) + 0.7);
}

TEST(MemoryPlan, LargePicturesHaveTheVaeInTiles) {
  auto task = only_drawing();
  task.draw_batch = 1;
  task.width = task.height = 1024;
  const auto plan = plan_memory(task, 4);
  EXPECT_GT(plan.vae_tile, 0) << describe(plan);
  EXPECT_LT(plan.vae_tile, 128);
}

TEST(MemoryPlan, OnlyMeasuresThatTheDeviceHas) {
  auto task = sd14();
  task.policy = {};
  for (const double budget : {12.0, 16.0, 20.0, 30.0}) {
    const auto plan = find_memory_plan(task, budget);
    EXPECT_FALSE(plan && plan->offload) << "a CPU's weights are on the CPU";
  }
  task.policy = {c10::Device(c10::DeviceType::CUDA, 0), Precision::bf16, /*plain=*/true};
  for (const double budget : {12.0, 16.0, 20.0, 30.0}) {
    const auto plan = find_memory_plan(task, budget);
    EXPECT_FALSE(plan && (plan->checkpointing || plan->eight_bit_adam)) << budget;
  }
}

}  // namespace
}  // namespace forgedit
