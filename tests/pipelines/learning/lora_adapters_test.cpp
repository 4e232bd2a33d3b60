#include "forgedit/pipelines/learning/lora_adapters.h"

#include "forgedit/editing/learned_weights.h"
#include "forgedit/pipelines/learning/learn.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::field_of;
using testing::message_of;

/// The tiny UNet with random weights, which learns a LoRA of rank 4.
class LearnLora : public ::testing::Test {
 protected:
  LearnLora() {
    const std::filesystem::path source = FORGEDIT_SOURCE_DIR;
    model_.unet = load_unet(source / "tests/golden/tiny-sd/unet", model_.policy.device);
    torch::manual_seed(2);
    latents_ = torch::randn({1, 4, 8, 8});
    source_ = torch::randn({1, 77, 32});
    set_tuning(options_, Tuning::lora);
    options_.lora_rank = 4;
    options_.lora_alpha = 2;
    options_.batch = 2;
    options_.samples = 8;
  }
  LearnResult run() {
    const auto batches = random_learn_batches(options_, latents_, at::detail::createCPUGenerator(1), 1000);
    return learn_vanilla(model_, latents_, {source_, {}}, options_, batches);
  }
  torch::Tensor predict() {
    torch::NoGradGuard no_grad;
    return model_.unet(latents_, torch::full({1}, 500, torch::kLong), source_);
  }
  StableDiffusion model_;
  torch::Tensor latents_, source_;
  LearnOptions options_;
};

TEST_F(LearnLora, ChangesWhatItAdaptsAndLeavesTheModelAsItWas) {
  const auto before = fingerprint(parameters_of(*model_.unet));
  const auto result = run();
  EXPECT_EQ(result.losses.size(), 4U);
  EXPECT_EQ(fingerprint(parameters_of(*model_.unet)), before);
  for (const auto& module : model_.unet->modules()) {
    const auto* adapter = nn::adapter_of(*module);
    EXPECT_FALSE(adapter && adapter->defined()) << "an adapter was left behind";
  }
  std::size_t adapted = 0;
  for (const auto& [name, parameter] : parameters_of(*model_.unet)) {
    EXPECT_EQ(result.unet.count(name) > 0, is_adapted(options_, name, parameter)) << name;
    if (!is_adapted(options_, name, parameter)) continue;
    ++adapted;
    const auto module = name.substr(0, name.size() - 7);
    const auto down = result.lora.at(module + ".lora_down.weight");
    const auto up = result.lora.at(module + ".lora_up.weight");
    EXPECT_GT(up.abs().max().item<double>(), 0) << name << " learned nothing";
    const auto expected = parameter + 0.5 * torch::mm(up, down).view(parameter.sizes());
    EXPECT_TRUE(torch::allclose(result.unet.at(name), expected, 1e-5, 1e-7)) << name;
  }
  EXPECT_EQ(result.lora.size(), 2 * adapted);
  EXPECT_FALSE(torch::equal(result.embedding.tokens, source_));
}

TEST_F(LearnLora, AdaptsAttentionFeedForwardAndProjectionsOfTheScope) {
  const auto matrix = torch::empty({4, 4}), pixel = torch::empty({4, 4, 1, 1});
  const std::string block = "up_blocks.1.attentions.0.";
  for (const char* name :
       {"attn1.to_q", "attn1.to_k", "attn2.to_v", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2"}) {
    EXPECT_TRUE(is_adapted(options_, block + "transformer_blocks.0." + name + ".weight", matrix)) << name;
  }
  EXPECT_TRUE(is_adapted(options_, block + "proj_in.weight", pixel));
  EXPECT_FALSE(is_adapted(options_, block + "proj_in.bias", torch::empty({4})));
  EXPECT_FALSE(is_adapted(options_, block + "norm.weight", torch::empty({4})));
  EXPECT_FALSE(is_adapted(options_, "up_blocks.1.resnets.0.time_emb_proj.weight", matrix));
  EXPECT_FALSE(is_adapted(options_, "down_blocks.0.attentions.0.proj_in.weight", pixel)) << "scope `code`";
}

TEST_F(LearnLora, BeginsAsTheBaseModelAndIsTheSeeds) {
  const auto lora = run();
  auto again = run();
  EXPECT_EQ(lora.losses, again.losses);
  options_.seed = 1;
  EXPECT_NE(lora.losses.back(), run().losses.back());
  set_tuning(options_, Tuning::full);
  EXPECT_NEAR(run().losses.front(), lora.losses.front(), 1e-6);
}

TEST_F(LearnLora, AdaptersAddWhatMergedWeightsHave) {
  const auto result = run();
  const auto before = predict();
  torch::Tensor adapted, merged;
  {
    const LoraAdapters adapters(model_.unet, options_, model_.policy);
    EXPECT_TRUE(torch::equal(predict(), before)) << "up is zero";
    const auto group = adapters.group(1);
    std::size_t i = 0;
    torch::NoGradGuard no_grad;
    for (const auto& [name, tensor] : adapters.learned()) tensor.copy_(result.lora.at(name)), ++i;
    EXPECT_EQ(i, group.parameters.size());
    adapted = predict();
  }
  {
    LearnedWeights weights(parameters_of(*model_.unet), result.unet);
    weights.learn();
    merged = predict();
  }
  EXPECT_FALSE(torch::allclose(adapted, before, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(adapted, merged, 1e-4, 1e-5));
}

TEST_F(LearnLora, CheckpointingChangesNothingButRounding) {
  options_.adam.eps = 1e-6;
  const auto plain = run();
  model_.memory.checkpointing = true;
  const auto saved = run();
  for (std::size_t i = 0; i < plain.losses.size(); ++i) EXPECT_NEAR(saved.losses[i], plain.losses[i], 1e-5);
  for (const auto& [name, tensor] : plain.lora) {
    EXPECT_TRUE(torch::allclose(saved.lora.at(name), tensor, 1e-3, 1e-5)) << name;
  }
}

TEST_F(LearnLora, NeedsLittleMemoryBesideTheBase) {
  options_.layers = LayerScope::all;
  MemoryTask task;
  task.unet = model_.unet->config();
  task.unet_count = 860'000'000;
  task.width = task.height = 512;
  add_learning(task, model_, options_);
  EXPECT_EQ(task.unet_adapters, count_adapters(options_, *model_.unet).adapters);
  task.unet_learning = 700'000'000;
  const auto lora = estimate_peak(task, {});
  task.unet_adapters = 0;
  EXPECT_GT(estimate_peak(task, {}) - lora, 700'000'000LL * 12) << "copies, gradients and Adam's averages";
}

TEST_F(LearnLora, WhatIsReadMustBeItsOwn) {
  auto result = run();
  EXPECT_NO_THROW(check_adapters(result.lora, options_, *model_.unet, "e"));
  auto other = result.lora;
  other["conv_in.lora_up.weight"] = torch::zeros({1});
  EXPECT_EQ(message_of([&] { check_adapters(other, options_, *model_.unet, "e"); }),
            "e: conv_in.lora_up.weight: unexpected in the learned LoRA");
  other = result.lora;
  other.erase(other.begin());
  EXPECT_TRUE(contains(message_of([&] { check_adapters(other, options_, *model_.unet, "e"); }), "missing"));
  options_.lora_rank = 5;
  EXPECT_TRUE(
      contains(message_of([&] { check_adapters(result.lora, options_, *model_.unet, "e"); }), "expected 5x"));
}

TEST(Tuning, SayingWhatIsSoChangesNothing) {
  LearnOptions options;
  options.unet_lr = 1e-7;
  set_tuning(options, Tuning::full);
  EXPECT_EQ(options.unet_lr, 1e-7);
  set_tuning(options, Tuning::lora);
  options.lora_rank = 4;
  set_tuning(options, Tuning::lora);
  EXPECT_EQ(options.lora_rank, 4);
}

TEST(Tuning, SettingsBelongTogether) {
  LearnOptions options;
  EXPECT_NO_THROW(check_tuning(options));
  options.lora_rank = 8;
  EXPECT_EQ(field_of([&] { check_tuning(options); }), "lora_rank");
  set_tuning(options, Tuning::lora);
  EXPECT_EQ(options.lora_rank, 16);
  EXPECT_EQ(options.lora_scale(), 1) << "alpha is the rank";
  EXPECT_NO_THROW(check_tuning(options));
  set_tuning(options, Tuning::full);
  EXPECT_EQ(options.unet_lr, published_options(LearnMethod::vanilla).unet_lr);
  auto dreambooth = published_options(LearnMethod::dreambooth);
  set_tuning(dreambooth, Tuning::lora);
  EXPECT_EQ(field_of([&] { check_tuning(dreambooth); }), "learn");
  EXPECT_EQ(field_of([] { parse_tuning("locon"); }), "learn");
}

}  // namespace
}  // namespace forgedit
