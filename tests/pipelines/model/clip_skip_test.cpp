// Which layer of the text encoders the UNet reads (clip_skip), held against the encoders' own hidden states.

#include "forgedit/core/torch.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "forgedit/pipelines/records/attach_to_model.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::field_of;
using testing::message_of;

StableDiffusion model_with(const std::string& name, const std::optional<std::int64_t>& clip_skip) {
  ModelFiles files(std::filesystem::path(FORGEDIT_SOURCE_DIR) / "tests/golden" / name);
  files.clip_skip = clip_skip;
  return StableDiffusion::load(files, {});
}

torch::Tensor hidden_state(ClipTextModel& encoder, const ClipTokenizer& tokenizer, const std::string& text,
                           std::size_t from_end) {
  const auto length = static_cast<std::size_t>(encoder->config().max_position_embeddings);
  const auto ids = torch::tensor(tokenizer.encode(text, length).ids, torch::kLong).unsqueeze(0);
  const auto states = encoder(ids).hidden_states;
  return states.at(states.size() - from_end);
}

class ClipSkipOfOneEncoder : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Families, ClipSkipOfOneEncoder, ::testing::Values("tiny-sd", "tiny-sd2"));

TEST_P(ClipSkipOfOneEncoder, TakesAnEarlierLayerAndItsFinalNorm) {
  torch::NoGradGuard no_grad;
  auto usual = model_with(GetParam(), {});
  const auto parameters = parameters_of(*usual.text_encoder);
  for (const std::int64_t layer : {1, 2, 3}) {
    const auto state =
        hidden_state(usual.text_encoder, *usual.tokenizer, "a dog", static_cast<std::size_t>(layer));
    const auto expected = torch::layer_norm(state, {state.size(2)}, parameters.at("final_layer_norm.weight"),
                                            parameters.at("final_layer_norm.bias"));
    auto model = model_with(GetParam(), layer);
    EXPECT_TRUE(torch::allclose(model.encode_text("a dog").tokens, expected, 1e-5, 1e-6)) << layer;
    EXPECT_EQ(torch::equal(model.encode_text("a dog").tokens, usual.encode_text("a dog").tokens), layer == 1);
    EXPECT_EQ(torch::equal(model.encode_unconditional().tokens, usual.encode_unconditional().tokens),
              layer == 1);
    EXPECT_EQ(model.base_fingerprint == usual.base_fingerprint, layer == 1);
  }
}

TEST(ClipSkip, OfTwoEncodersTakesTheStatesOfBothWithoutANorm) {
  torch::NoGradGuard no_grad;
  auto usual = model_with("tiny-sdxl", {});
  for (const std::int64_t layer : {1, 2, 3}) {
    const auto from_end = static_cast<std::size_t>(layer);
    const auto expected =
        torch::cat({hidden_state(usual.text_encoder, *usual.tokenizer, "a dog", from_end),
                    hidden_state(usual.text_encoder_2, *usual.tokenizer_2, "a dog", from_end)},
                   -1);
    auto model = model_with("tiny-sdxl", layer);
    const auto embedding = model.encode_text("a dog");
    EXPECT_TRUE(torch::equal(embedding.tokens, expected)) << layer;
    EXPECT_TRUE(torch::equal(embedding.pooled, usual.encode_text("a dog").pooled)) << layer;
    EXPECT_EQ(model.base_fingerprint == usual.base_fingerprint, layer == 2);
  }
}

TEST(ClipSkip, LayersThatAreNotThereAreNamed) {
  const std::pair<const char*, std::int64_t> rows[] = {
      {"tiny-sd", 0}, {"tiny-sd", 4}, {"tiny-sd2", 4}, {"tiny-sdxl", 4}};
  for (const auto& [name, layer] : rows) {
    const auto read = [n = name, l = layer] { model_with(n, l); };
    EXPECT_EQ(field_of(read), "clip_skip");
    EXPECT_TRUE(contains(message_of(read), "expected 1 to 3")) << "the smaller of two encoders has three";
  }
}

TEST(ClipSkip, AFingerprintSaysIt) {
  EXPECT_EQ(with_clip_skip("0123", {}), "0123");
  EXPECT_NE(with_clip_skip("0123", 2), with_clip_skip("0123", 3));
  EXPECT_EQ(without_clip_skip(with_clip_skip("0123", 2)), "0123");
  EXPECT_EQ(without_clip_skip("0123"), "0123");
}

TEST(ClipSkip, WhatWasLearnedByAnotherLayerIsRefused) {
  LearnedPicture learned;
  learned.base_name = "tiny-sd + clip skip 2";
  learned.base_fingerprint = model_with("tiny-sd", 2).base_fingerprint;
  for (const auto& clip_skip : {std::optional<std::int64_t>(), std::optional<std::int64_t>(3)}) {
    const auto model = model_with("tiny-sd", clip_skip);
    const auto attach = [&] { attach_to_model(learned, model, "dog.edit"); };
    EXPECT_EQ(field_of(attach), "clip_skip");
    EXPECT_TRUE(contains(message_of(attach), "dog.edit was learned on tiny-sd + clip skip 2"));
  }
}

TEST(ClipSkip, HowManyTextEncodersThereAreShowsBeforeWeightsAreRead) {
  const auto golden = std::filesystem::path(FORGEDIT_SOURCE_DIR) / "tests/golden";
  EXPECT_FALSE(has_two_text_encoders(golden / "tiny-sd"));
  EXPECT_FALSE(has_two_text_encoders(golden / "tiny-sd2"));
  EXPECT_TRUE(has_two_text_encoders(golden / "tiny-sdxl"));
}

}  // namespace
}  // namespace forgedit
