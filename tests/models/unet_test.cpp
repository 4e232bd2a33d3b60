#include "forgedit/models/unet.h"

#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/core/state_dict.h"
#include "forgedit/models/unet_ahead.h"
#include "forgedit/models/unet_flops.h"
#include "forgedit/nn/attention.h"
#include "forgedit/nn/resnet.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;
using testing::contains;
using testing::message_of;

UNetConfig micro_unet_config() {
  UNetConfig c;
  c.sample_size = 6;
  c.down_block_types = {"CrossAttnDownBlock2D", "DownBlock2D"};
  c.up_block_types = {"UpBlock2D", "CrossAttnUpBlock2D"};
  c.block_out_channels = {8, 16};
  c.layers_per_block = 1;
  c.cross_attention_dim = 6;
  c.heads = {2, 2};
  c.norm_num_groups = 4;
  return c;
}

/// Layers leave their parameters uninitialised; these are in the range of trained ones.
void fill_parameters(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    auto& parameter = item.value();
    if (parameter.dim() == 1) {
      parameter.normal_(0.0, 0.1);
      if (contains(item.key(), "norm") && contains(item.key(), "weight")) parameter.add_(1.0);
    } else {
      parameter.normal_(0.0, 1.0 / std::sqrt(static_cast<double>(parameter[0].numel())));
    }
  }
}

/// With all that SDXL has beside: linear projections, depths, added conditions.
UNetConfig micro_xl_config() {
  auto c = micro_unet_config();
  c.up_block_types = {"CrossAttnUpBlock2D", "UpBlock2D"};
  c.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D"};
  c.heads = {2, 4};
  c.transformer_layers_per_block = {1, 2};
  c.use_linear_projection = true;
  c.addition_embed_type = "text_time";
  c.addition_time_embed_dim = 4;
  c.projection_class_embeddings_input_dim = 5 + 6 * 4;
  return c;
}

class MicroUNet : public ::testing::Test {
 protected:
  MicroUNet() {
    torch::manual_seed(3);
    unet_ = UNet(micro_unet_config());
    fill_parameters(*unet_);
    unet_->to(torch::kDouble);  // finite differences need the digits
  }
  double loss() {
    torch::NoGradGuard no_grad;
    return torch::mse_loss(unet_(latents_, timesteps_, context_), noise_).item<double>();
  }
  UNet unet_{nullptr};
  const torch::Tensor latents_ = torch::randn({2, 4, 6, 5}, torch::kDouble);
  const torch::Tensor noise_ = torch::randn({2, 4, 6, 5}, torch::kDouble);
  const torch::Tensor timesteps_ = torch::tensor({7, 701});
  torch::Tensor context_ = torch::randn({2, 3, 6}, torch::kDouble);
};

/// How many members of the UNet's residual blocks and attentions hold something precomputed.
std::size_t count_precomputed(const UNet& unet) {
  std::size_t count = 0;
  for (const auto& module : unet->modules()) {
    if (const auto* resnet = module->as<nn::ResnetBlock2DImpl>())
      count += resnet->precomputed_addend.defined();
    if (const auto* attention = module->as<nn::AttentionImpl>()) {
      count += attention->precomputed_keys.defined() + attention->precomputed_values.defined();
    }
  }
  return count;
}

TEST_F(MicroUNet, PrecomputedTensorsAreGoneAfterTheirScope) {
  torch::NoGradGuard no_grad;
  const auto addends = join_addends(*unet_, unet_->embed_time(timesteps_));
  const auto keys_and_values = join_keys_and_values(*unet_, context_);
  {
    const PrecomputedScope scope(*unet_, addends, keys_and_values);
    EXPECT_EQ(count_precomputed(unet_), 8U + 2U * 4U) << "eight residual blocks, four cross-attentions";
  }
  EXPECT_EQ(count_precomputed(unet_), 0U);
  EXPECT_THROW(PrecomputedScope(*unet_, addends, keys_and_values.narrow(2, 1, 5)), c10::Error);
  EXPECT_EQ(count_precomputed(unet_), 0U) << "addends were set before it threw";
}

TEST_F(MicroUNet, KeepsTheShapeOfMapsThatDoNotHalveEvenly) {
  torch::NoGradGuard no_grad;
  for (const auto& [height, width] : {std::pair{6, 5}, {1, 1}, {7, 3}, {4, 8}}) {
    const auto latents = torch::randn({1, 4, height, width}, torch::kDouble);
    EXPECT_EQ(unet_(latents, torch::tensor({5}), context_.slice(0, 0, 1)).sizes(), latents.sizes());
  }
}

TEST_F(MicroUNet, SamplesOfABatchDoNotTouchEachOther) {
  torch::NoGradGuard no_grad;
  const auto both = unet_(latents_, timesteps_, context_);
  for (const std::int64_t i : {0, 1}) {
    const auto alone =
        unet_(latents_.slice(0, i, i + 1), timesteps_.slice(0, i, i + 1), context_.slice(0, i, i + 1));
    EXPECT_TRUE(torch::allclose(alone[0], both[i], 1e-4, 1e-5));
  }
}

TEST_F(MicroUNet, LatentsOfSeveralTextsAreThoseRepeated) {
  torch::NoGradGuard no_grad;
  const auto texts = torch::cat({context_, torch::randn({2, 3, 6}, torch::kDouble)});
  const auto whole = unet_(torch::cat({latents_, latents_}), torch::cat({timesteps_, timesteps_}), texts);
  const auto shared = unet_(latents_, torch::cat({timesteps_, timesteps_}), texts);
  EXPECT_TRUE(torch::allclose(shared, whole, 1e-9, 1e-9));
  EXPECT_FALSE(torch::allclose(whole[0], whole[2], 1e-3, 1e-3)) << "the texts must matter";
}

// The derivative along a direction in one tensor at a time, by central differences.
TEST_F(MicroUNet, GradientsAgreeWithFiniteDifferences) {
  auto tensors = parameters_of(*unet_);
  tensors["encoder_hidden_states"] = context_;
  for (auto& item : tensors) item.second.set_requires_grad(true);
  torch::mse_loss(unet_(latents_, timesteps_, context_), noise_).backward();
  for (auto& [name, tensor] : tensors) {
    const auto gradient = tensor.grad();
    ASSERT_TRUE(gradient.defined()) << name;
    const double norm = gradient.norm().item<double>();
    if (norm < 1e-9) continue;  // biases that a normalisation takes out again
    // Along the gradient's own direction the derivative is its norm.
    const auto direction = gradient / norm;
    const auto loss_after = [&](double by) {
      torch::NoGradGuard no_grad;
      tensor.add_(direction, by);
      return loss();
    };
    constexpr double h = 1e-5;
    const double above = loss_after(h), below = loss_after(-2.0 * h);
    loss_after(h);
    EXPECT_NEAR((above - below) / (2.0 * h), norm, 1e-4 * norm + 1e-9) << name;
  }
}

UNetConfig parse(const json& object) {
  return UNetConfig::from_json(ConfigReader("unet/config.json", object));
}

/// How many segments of `checkpoint` a result's graph has.
std::size_t count_segments(const torch::Tensor& result) {
  std::set<const torch::autograd::Node*> seen;
  std::vector<const torch::autograd::Node*> next{result.grad_fn().get()};
  std::size_t count = 0;
  while (!next.empty()) {
    const auto* node = next.back();
    next.pop_back();
    if (!node || !seen.insert(node).second) continue;
    count += contains(node->name(), "SegmentFunction");
    for (const auto& edge : node->next_edges()) next.push_back(edge.function.get());
  }
  return count;
}

TEST_F(MicroUNet, CheckpointingChangesNoGradient) {
  for (auto& parameter : unet_->parameters()) parameter.set_requires_grad(true);
  const auto gradients = [&](bool checkpointing, std::size_t segments) {
    const auto predicted = unet_(latents_, timesteps_, context_, AddedConditions(), checkpointing);
    EXPECT_EQ(count_segments(predicted), segments);
    return torch::autograd::grad({torch::mse_loss(predicted, noise_)}, unet_->parameters());
  };
  const auto expected = gradients(false, 0), found = gradients(true, 8 + 4);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(torch::allclose(found[i], expected[i], 1e-10, 1e-12)) << i;
  }
}

class MicroXl : public ::testing::Test {
 protected:
  MicroXl() {
    torch::manual_seed(4);
    unet_ = UNet(micro_xl_config());
    fill_parameters(*unet_);
    unet_->to(torch::kDouble);
    added_.text_embeds = torch::randn({2, 5}, torch::kDouble);
    added_.time_ids = torch::tensor({{48, 40, 0, 0, 48, 40}, {96, 80, 8, 0, 48, 40}});
  }
  UNet unet_{nullptr};
  const torch::Tensor latents_ = torch::randn({2, 4, 6, 5}, torch::kDouble);
  const torch::Tensor timesteps_ = torch::tensor({7, 701});
  const torch::Tensor context_ = torch::randn({2, 3, 6}, torch::kDouble);
  AddedConditions added_;
};

TEST_F(MicroXl, ConditionsReachTheirOwnSampleOnly) {
  torch::NoGradGuard no_grad;
  const auto before = unet_(latents_, timesteps_, context_, added_);
  for (auto* condition : {&added_.text_embeds, &added_.time_ids}) {
    const auto kept = condition->clone();
    condition->select(0, 1).select(0, 0).add_(30);
    const auto after = unet_(latents_, timesteps_, context_, added_);
    EXPECT_TRUE(torch::allclose(after[0], before[0], 1e-10, 1e-12));
    EXPECT_FALSE(torch::allclose(after[1], before[1]));
    condition->copy_(kept);
  }
}

TEST_F(MicroXl, ConditionsMustBeWhatTheConfigAsksFor) {
  EXPECT_TRUE(contains(message_of([&] { unet_(latents_, timesteps_, context_); }), "found none"));
  UNet plain(micro_unet_config());
  fill_parameters(*plain);
  EXPECT_TRUE(
      contains(message_of([&] { plain(latents_, timesteps_, context_, added_); }), "expected no added"));
}

TEST_F(MicroXl, CheckpointingChangesNoGradient) {
  for (auto& parameter : unet_->parameters()) parameter.set_requires_grad(true);
  added_.text_embeds.set_requires_grad(true);
  auto wanted = unet_->parameters();
  wanted.push_back(added_.text_embeds);
  const auto gradients = [&](bool checkpointing) {
    const auto predicted = unet_(latents_, timesteps_, context_, added_, checkpointing);
    return torch::autograd::grad({predicted.square().mean()}, wanted);
  };
  const auto expected = gradients(false), found = gradients(true);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(torch::allclose(found[i], expected[i], 1e-10, 1e-12)) << i;
  }
}

// What CUDA's path makes of time and text, by LibTorch's operators.
TEST_F(MicroXl, AheadHasTheAddendsOfEachSampleInEachStep) {
  torch::NoGradGuard no_grad;
  const auto time = unet_->embed_time(timesteps_), more = unet_->embed_added(added_);
  const auto addends = join_addends_of_steps(*unet_, timesteps_, added_);
  for (const std::int64_t step : {0, 1}) {
    const auto expected = join_addends(*unet_, time[step] + more).rows;
    EXPECT_TRUE(torch::allclose(addends[step], expected, 1e-10, 1e-12)) << step;
  }
  EXPECT_EQ(addends.size(1), 2);
}

TEST_F(MicroXl, AddendsLearnWithThePooledEmbedding) {
  const auto addends = [&] {
    return join_addends(*unet_, unet_->embed_time(timesteps_) + unet_->embed_added(added_));
  };
  for (auto& parameter : unet_->parameters()) parameter.set_requires_grad(false);
  EXPECT_FALSE(addends().time_learns);
  added_.text_embeds.set_requires_grad(true);
  const auto learning = addends();
  EXPECT_TRUE(learning.time_learns);
  const PrecomputedScope scope(*unet_, learning, join_keys_and_values(*unet_, context_));
  for (const auto& module : unet_->modules()) {
    if (const auto* resnet = module->as<nn::ResnetBlock2DImpl>()) {
      EXPECT_TRUE(resnet->precomputed_addend.requires_grad());
    }
  }
}

TEST(UNetFlops, OfStableDiffusion14AreThePublishedOnes) {
  const UNet unet{UNetConfig()};  // never touched: no memory
  const auto all = count_flops(*unet, 64, 64, 77, [](const std::string&) { return true; });
  EXPECT_NEAR(all.forward() / 1e12, 0.803, 0.004);
  const auto of_convolution = [](const std::string& name) {
    return name == "down_blocks.0.downsamplers.0.conv.weight";
  };
  const auto one = count_flops(*unet, 64, 64, 77, of_convolution);
  EXPECT_EQ(one.forward(), 2.0 * 32 * 32 * 320 * 320 * 9);
  const auto of_queries = [](const std::string& name) {
    return name.find("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.") == 0;
  };
  EXPECT_EQ(count_flops(*unet, 64, 64, 77, of_queries).attention, 4.0 * 64 * 64 * 1280);
}

TEST(UNetConfigTest, EmptyMeansStableDiffusion14AndJsonRoundTrips) {
  const auto config = parse(json::object());
  EXPECT_EQ(config.block_out_channels, (std::vector<std::int64_t>{320, 640, 1280, 1280}));
  EXPECT_EQ(config.heads, (std::vector<std::int64_t>{8, 8, 8, 8}));
  const auto micro = parse(micro_unet_config().to_json());
  EXPECT_EQ(micro.to_json(), micro_unet_config().to_json());
  for (const char* key : {"use_linear_projection", "transformer_layers_per_block", "addition_embed_type"}) {
    EXPECT_FALSE(micro.to_json().contains(key)) << key;
  }
  const auto xl = parse(micro_xl_config().to_json());
  EXPECT_EQ(xl.to_json(), micro_xl_config().to_json());
  EXPECT_EQ(xl.transformer_layers_per_block, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(xl.pooled_width(), 5);
}

TEST(UNetConfigTest, StableDiffusionXl) {
  const json sdxl{{"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}},
                  {"up_block_types", {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}},
                  {"block_out_channels", {320, 640, 1280}},
                  {"attention_head_dim", {5, 10, 20}},
                  {"num_attention_heads", nullptr},
                  {"transformer_layers_per_block", {1, 2, 10}},
                  {"use_linear_projection", true},
                  {"cross_attention_dim", 2048},
                  {"addition_embed_type", "text_time"},
                  {"addition_time_embed_dim", 256},
                  {"projection_class_embeddings_input_dim", 2816}};
  const auto config = parse(sdxl);
  EXPECT_EQ(config.pooled_width(), 1280);
  const UNet unet{config};  // never touched: no memory
  std::int64_t count = 0;
  for (const auto& parameter : unet->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 2567463684);
  const auto all = count_flops(*unet, 128, 128, 77, [](const std::string&) { return true; });
  EXPECT_NEAR(all.forward() / 1e12, 6.76, 0.02);
}

TEST(UNetConfigTest, NeutralSettingsArePublishedOnesInOtherWords) {
  const json neutral{{"act_fn", "swish"},
                     {"upcast_attention", true},
                     {"time_embedding_dim", 1280},
                     {"transformer_layers_per_block", {1, 1, 1, 1}},
                     {"dropout", 0.0},
                     {"resnet_out_scale_factor", 1.0},
                     {"mid_block_scale_factor", 1},
                     {"class_embed_type", nullptr},
                     {"only_cross_attention", false}};
  EXPECT_EQ(parse(neutral).to_json(), parse(json::object()).to_json());
  const auto message = message_of([] { parse({{"time_cond_proj_dim", 256}}); });
  EXPECT_TRUE(contains(message, "time_cond_proj_dim: a consistency-distilled (LCM) UNet")) << message;
}

TEST(UNetConfigTest, OtherFamiliesAreRefusedByKey) {
  const std::pair<const char*, json> rows[] = {
      {"transformer_layers_per_block", {1, 2, 10}},  // of three levels
      {"transformer_layers_per_block", {1, 1, 0, 1}},
      {"transformer_layers_per_block", 0},
      {"addition_embed_type", "text_image"},  // Kandinsky
      {"reverse_transformer_layers_per_block", {1, 1, 1, 1}},
      {"class_embed_type", "projection"},
      {"encoder_hid_dim", 1024},
      {"in_channels", 9},  // inpainting
      {"in_channels", 8},  // instructions
      {"mid_block_type", "UNetMidBlock2DSimpleCrossAttn"},
      {"time_embedding_type", "fourier"},
      {"resnet_time_scale_shift", "scale_shift"},
      {"act_fn", "gelu"},
      {"dual_cross_attention", true},
      {"down_block_types", {"A", "B", "C", "D"}},
      {"up_block_types", {"UpBlock2D"}},
      {"block_out_channels", {320}},
      {"block_out_channels", {-1, 2}},
      {"block_out_channels", {16384, 32768}},
      {"block_out_channels", std::vector<int>(7, 32)},
      {"norm_eps", 0},
      {"block_out_channels", "320"},
      {"attention_head_dim", {8, 8}},
      {"attention_head_dim", 7},
      {"norm_num_groups", 33},
      {"norm_num_groups", 0},
      {"layers_per_block", 1e9},
      {"sample_size", -64},
      {"sample_size", 1025},
      {"time_cond_proj_dim", 256},
      {"num_class_embeds", 10},
      {"encoder_hid_dim_type", "text_proj"},
      {"cross_attention_norm", "layer_norm"},
      {"time_embedding_act_fn", "silu"},
      {"timestep_post_act", "silu"},
      {"time_embedding_dim", 512},
      {"attention_type", "gated"},
      {"only_cross_attention", true},
      {"mid_block_only_cross_attention", true},
      {"resnet_skip_time_act", true},
      {"center_input_sample", true},
      {"class_embeddings_concat", true},
      {"mid_block_scale_factor", 1.4142},
      {"resnet_out_scale_factor", 0.5},
      {"conv_in_kernel", 5},
      {"conv_out_kernel", 1},
      {"downsample_padding", 0},
      {"dropout", 0.1},
      {"_class_name", "UNetMotionModel"},
  };
  for (const auto& [key, value] : rows) {
    const auto message = message_of([&, k = key, v = value] { parse({{k, v}}); });
    // A wrong number of groups or channels may be named under the key that it does not fit.
    EXPECT_TRUE(contains(message, "unet/config.json: ")) << message;
    if (std::string(key) != "block_out_channels") {
      EXPECT_TRUE(contains(message, key)) << message;
    }
  }
}

}  // namespace
}  // namespace forgedit
