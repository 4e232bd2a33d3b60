#include "forgedit/models/blip.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include <torch/nn/functional/loss.h>

#include "forgedit/core/state_dict.h"
#include "forgedit/models/blip_generate.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using Tokens = std::vector<std::int64_t>;
using testing::contains;
using testing::message_of;

BlipConfig micro_blip_config() {
  BlipConfig c;
  c.vision.hidden_size = 12;
  c.vision.intermediate_size = 16;
  c.vision.num_hidden_layers = 2;
  c.vision.num_attention_heads = 3;
  c.vision.image_size = 8;
  c.vision.patch_size = 4;
  c.text.vocab_size = 6;
  c.text.hidden_size = 8;
  c.text.intermediate_size = 16;
  c.text.num_hidden_layers = 2;
  c.text.num_attention_heads = 2;
  c.text.max_position_embeddings = 16;
  c.text.bos_token_id = 4;
  c.text.sep_token_id = 2;
  return c;
}

BlipForConditionalGeneration make_blip(std::uint64_t seed, const BlipConfig& config = micro_blip_config()) {
  torch::manual_seed(seed);
  torch::NoGradGuard no_grad;
  BlipForConditionalGeneration model(config);
  for (auto& parameter : model->parameters()) parameter.normal_(0.0, 0.5);
  return model;
}

TEST(Blip, CacheGivesTheLogitsOfTheWholeSequence) {
  torch::NoGradGuard no_grad;
  auto model = make_blip(1);
  const auto image = model->encode_image(torch::randn({1, 3, 8, 8}));
  const auto ids = torch::tensor({{4, 1, 3, 5, 0}, {4, 5, 5, 1, 2}});
  const auto whole = model->decode(ids, image.expand({2, -1, -1}));
  BlipTextCache cache;
  for (std::int64_t at = 0; at < ids.size(1); ++at) {
    const auto step = model->decode(ids.narrow(1, at, 1), image, &cache);
    EXPECT_TRUE(torch::allclose(step, whole.narrow(1, at, 1), 1e-4, 1e-5)) << "token " << at;
  }
  EXPECT_EQ(cache.length, 5);
}

TEST(Blip, SelectedRowsGoOnFromTheirOwnPast) {
  torch::NoGradGuard no_grad;
  auto model = make_blip(2);
  const auto image = model->encode_image(torch::randn({1, 3, 8, 8}));
  BlipTextCache cache;
  model->decode(torch::tensor({{4, 1}, {4, 5}}), image, &cache);
  cache.select(torch::tensor({1, 1, 0}));
  const auto step = model->decode(torch::tensor({{3}, {0}, {3}}), image, &cache);
  const auto whole = model->decode(torch::tensor({{4, 5, 3}, {4, 5, 0}, {4, 1, 3}}), image);
  EXPECT_TRUE(torch::allclose(step, whole.narrow(1, 2, 1), 1e-4, 1e-5));
}

TEST(Blip, GreedyTakesTheLikeliestTokenEachTime) {
  torch::NoGradGuard no_grad;
  auto model = make_blip(3);
  const auto image = model->encode_image(torch::randn({1, 3, 8, 8}));
  CaptionSearch search;
  search.max_length = 9;
  const auto ids = generate_caption(model, image, search);
  ASSERT_GE(ids.size(), 2U);
  EXPECT_EQ(ids.front(), 4);
  const auto logits = model->decode(torch::tensor(ids, torch::kLong).unsqueeze(0), image)[0];
  for (std::size_t i = 1; i < ids.size(); ++i) {
    EXPECT_EQ(logits[static_cast<std::int64_t>(i) - 1].argmax().item<std::int64_t>(), ids[i]);
    EXPECT_TRUE(ids[i] != 2 || i + 1 == ids.size()) << "nothing follows the end token";
  }
  EXPECT_TRUE(ids.back() == 2 || ids.size() == 9);
}

/// The best sequence of all by log-probability / length^penalty, found by trying every one.
void try_all(BlipForConditionalGeneration& model, const torch::Tensor& image, const Tokens& tokens,
             double sum, const CaptionSearch& search, Tokens& best, double& best_score) {
  const auto logits = model->decode(torch::tensor(tokens, torch::kLong).unsqueeze(0), image);
  const auto next = logits[0][-1].log_softmax(-1);
  for (std::int64_t token = 0; token < next.size(0); ++token) {
    auto longer = tokens;
    longer.push_back(token);
    const double total = sum + next[token].item<double>();
    if (token != 2 && static_cast<std::int64_t>(longer.size()) < search.max_length) {
      try_all(model, image, longer, total, search, best, best_score);
      continue;
    }
    const double score = total / std::pow(static_cast<double>(longer.size() - 1), search.length_penalty);
    if (score > best_score) {
      best_score = score;
      best = longer;
    }
  }
}

TEST(Blip, BeamsWideEnoughFindTheBestSequenceOfAll) {
  torch::NoGradGuard no_grad;
  int beyond_greedy = 0;
  for (std::uint64_t seed = 10; seed < 14; ++seed) {
    auto model = make_blip(seed);
    const auto image = model->encode_image(torch::randn({1, 3, 8, 8}));
    CaptionSearch search;
    search.max_length = 4;
    const auto greedy = generate_caption(model, image, search);
    search.num_beams = 40;
    for (const double penalty : {0.0, 1.0, 2.0}) {
      search.length_penalty = penalty;
      Tokens best;
      double best_score = -1e9;
      try_all(model, image, {4}, 0.0, search, best, best_score);
      const auto found = generate_caption(model, image, search);
      EXPECT_EQ(found, best) << "seed " << seed << ", penalty " << penalty;
      beyond_greedy += found != greedy;
    }
  }
  EXPECT_GT(beyond_greedy, 0) << "greedy would have done";
}

TEST(Blip, ASearchThatCannotBeIsRefused) {
  auto model = make_blip(4);
  const auto image = torch::zeros({1, 5, 12});
  CaptionSearch search;
  search.max_length = 18;  // one more than positions and the last token, which is not fed back
  EXPECT_TRUE(
      contains(message_of([&] { generate_caption(model, image, search); }), "2 to 17 tokens, got 18"));
  search = {};
  search.max_length = 5;
  search.num_beams = 0;
  EXPECT_TRUE(contains(message_of([&] { generate_caption(model, image, search); }), "beams, got 0"));
  EXPECT_TRUE(contains(message_of([&] { model->encode_image(torch::zeros({1, 3, 12, 12})); }), "expected 4"));
}

TEST(Blip, DamagedWeightsGiveNoCaption) {
  torch::NoGradGuard no_grad;
  auto model = make_blip(6);
  model->parameters().back().fill_(NAN);
  CaptionSearch search;
  search.max_length = 5;
  for (const std::int64_t beams : {1, 2}) {
    search.num_beams = beams;
    const auto message = message_of([&] {
      generate_caption(model, model->encode_image(torch::ones({1, 3, 8, 8})), search);
    });
    EXPECT_TRUE(contains(message, "not finite")) << message;
  }
}

TEST(Blip, TeacherForcingReachesEveryParameter) {
  for (const bool tied : {true, false}) {
    auto config = micro_blip_config();
    config.text.tie_word_embeddings = tied;
    auto model = make_blip(5, config);
    const auto ids = torch::tensor({{4, 1, 3, 5}, {4, 5, 0, 2}});
    const auto logits = model->forward(torch::randn({2, 3, 8, 8}), ids);
    ASSERT_EQ(logits.sizes(), (std::vector<std::int64_t>{2, 4, 6}));
    torch::nn::functional::cross_entropy(logits.slice(1, 0, 3).reshape({6, 6}), ids.slice(1, 1).reshape({6}))
        .backward();
    for (const auto& [name, parameter] : parameters_of(*model)) {
      ASSERT_TRUE(parameter.grad().defined()) << name;
      // A key's bias shifts all scores of a query alike, so its exact gradient is zero.
      if (contains(name, "key.bias")) continue;
      EXPECT_GT(parameter.grad().abs().max().item<double>(), 0) << name;
    }
  }
}

TEST(Blip, ConfigRoundTripsAndNamesWhatItRefuses) {
  using nlohmann::json;
  const auto good = micro_blip_config().to_json();
  EXPECT_EQ(BlipConfig::from_json(good, "config.json").to_json(), good);
  const auto refuse = [&](const json& patch, const std::string& part) {
    auto bad = good;
    bad.merge_patch(patch);
    const auto message = message_of([&] { BlipConfig::from_json(bad, "config.json"); });
    EXPECT_EQ(message.rfind("config.json: ", 0), 0U) << message;
    EXPECT_TRUE(contains(message, part)) << message;
  };
  refuse({{"model_type", "git"}}, "model_type: expected blip, found git");
  refuse({{"vision_config", nullptr}}, "vision_config: expected an object");
  refuse({{"text_config", 3}}, "text_config: expected an object");
  refuse({{"vision_config", {{"patch_size", 3}}}}, "vision_config: patch_size: does not divide");
  refuse({{"vision_config", {{"image_size", 4096}, {"patch_size", 8}}}}, "patch_size: makes 262144 patches");
  refuse({{"vision_config", {{"num_attention_heads", 5}}}}, "num_attention_heads: does not divide");
  refuse({{"text_config", {{"hidden_act", "relu"}}}}, "text_config: hidden_act: expected gelu, found relu");
  refuse({{"text_config", {{"hidden_size", 0}}}}, "text_config: hidden_size");
  refuse({{"text_config", {{"bos_token_id", 6}}}}, "bos_token_id: expected a token under 6, found 6");
}

}  // namespace
}  // namespace forgedit
