#include "forgedit/io/weights/keymaps/keymaps.h"

#include "forgedit/core/torch.h"
#include "forgedit/io/weights/single_file.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

StateDict named(std::initializer_list<const char*> names) {
  StateDict result;
  for (const char* name : names) result[name] = torch::zeros({1});
  return result;
}

std::vector<std::string> names_of(const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) names.push_back(name);
  return names;
}

TEST(Keymaps, TextEncoderOutOfAWholeClip) {
  UnusedNames unused;
  const auto state = normalise_clip_text_keys(
      named({"logit_scale", "text_model.embeddings.position_ids", "text_model.final_layer_norm.bias",
             "text_projection.weight", "vision_model.post_layernorm.bias", "visual_projection.weight",
             "text_model.encoder.layers.0.unheard_of"}),
      &unused);
  EXPECT_EQ(names_of(state),
            (std::vector<std::string>{"encoder.layers.0.unheard_of", "final_layer_norm.bias"}))
      << "what is inside of the encoder stays, so that loading names it";
  EXPECT_EQ(unused, (UnusedNames{"logit_scale", "text_projection.weight", "vision_model.post_layernorm.bias",
                                 "visual_projection.weight"}));
}

TEST(Keymaps, VaeWithoutWhatTrainingLeft) {
  const auto state = named({"decoder.conv_in.weight", "loss.discriminator.main.0.weight", "model_ema.decay",
                            "discriminator.main.0.bias", "optimizer.state.0", "global_step"});
  for (const bool ldm : {true, false}) {
    UnusedNames unused;
    const auto vae = ldm ? vae_from_ldm(state, &unused) : normalise_vae_keys(state, &unused);
    EXPECT_EQ(names_of(vae), (std::vector<std::string>{"decoder.conv_in.weight"}));
    EXPECT_EQ(unused.size(), 5U);
  }
}

TEST(Keymaps, CheckpointsListWhatIsUsedByNothing) {
  const auto file =
      split_checkpoint(named({"betas", "cond_stage_model.logit_scale",
                              "cond_stage_model.transformer.text_model.final_layer_norm.bias",
                              "cond_stage_model.transformer.text_projection.weight",
                              "cond_stage_model.transformer.vision_model.post_layernorm.bias",
                              "first_stage_model.decoder.conv_in.bias", "first_stage_model.loss.logvar",
                              "model_ema.decay", "v_pred", "model.diffusion_model.input_blocks.0.0.bias"}));
  EXPECT_EQ(names_of(file.text_encoder), (std::vector<std::string>{"final_layer_norm.bias"}));
  EXPECT_EQ(names_of(file.vae), (std::vector<std::string>{"decoder.conv_in.bias"}));
  EXPECT_EQ(names_of(file.unet), (std::vector<std::string>{"conv_in.bias"}));
  EXPECT_EQ(names_of(file.schedule), (std::vector<std::string>{"betas"}));
  EXPECT_EQ(file.ema_copies, 1U);
  EXPECT_EQ(file.marks, (std::vector<std::string>{"v_pred"}));
  EXPECT_EQ(file.unused.size(), 4U);
}

/// Names of the modules of OpenCLIP's layer `block` and ours, with values that tell them apart.
StateDict openclip_layer(const std::string& block) {
  StateDict state;
  for (const char* name :
       {"ln_1.weight", "ln_2.bias", "attn.out_proj.weight", "mlp.c_fc.bias", "mlp.c_proj.weight"}) {
    state[block + name] = torch::randn({2});
  }
  state[block + "attn.in_proj_weight"] = torch::randn({6, 2});
  state[block + "attn.in_proj_bias"] = torch::randn({6});
  return state;
}

TEST(Keymaps, OpenClipOfTheSecondEncoder) {
  const std::string prefix = "conditioner.embedders.1.model.";
  auto file = openclip_layer(prefix + "transformer.resblocks.0.");
  file.merge(openclip_layer(prefix + "transformer.resblocks.23."));
  for (int i = 1; i < 23; ++i)
    file.merge(openclip_layer(prefix + "transformer.resblocks." + std::to_string(i) + "."));
  for (const char* name :
       {"ln_final.bias", "positional_embedding", "token_embedding.weight", "logit_scale"}) {
    file[prefix + name] = torch::randn({3});
  }
  file[prefix + "text_projection"] = torch::randn({2, 3});
  const auto at = [&](const std::string& name) { return file.at(prefix + name); };
  const auto text = clip_text_from_openclip(file, OpenClip::projected);
  const auto stacked = at("transformer.resblocks.23.attn.in_proj_weight");
  const std::string layer = "encoder.layers.23.";
  EXPECT_TRUE(torch::equal(text.at(layer + "self_attn.q_proj.weight"), stacked.slice(0, 0, 2)));
  EXPECT_TRUE(torch::equal(text.at(layer + "self_attn.k_proj.weight"), stacked.slice(0, 2, 4)));
  EXPECT_TRUE(torch::equal(text.at(layer + "self_attn.v_proj.weight"), stacked.slice(0, 4, 6)));
  for (const auto& [ours, theirs] :
       {std::pair{"encoder.layers.0.layer_norm1.weight", "transformer.resblocks.0.ln_1.weight"},
        {"encoder.layers.0.layer_norm2.bias", "transformer.resblocks.0.ln_2.bias"},
        {"encoder.layers.0.self_attn.out_proj.weight", "transformer.resblocks.0.attn.out_proj.weight"},
        {"encoder.layers.0.mlp.fc1.bias", "transformer.resblocks.0.mlp.c_fc.bias"},
        {"encoder.layers.0.mlp.fc2.weight", "transformer.resblocks.0.mlp.c_proj.weight"},
        {"embeddings.token_embedding.weight", "token_embedding.weight"},
        {"embeddings.position_embedding.weight", "positional_embedding"},
        {"final_layer_norm.bias", "ln_final.bias"}}) {
    EXPECT_TRUE(torch::equal(text.at(ours), at(theirs))) << ours;
  }
  EXPECT_TRUE(torch::equal(text.at("text_projection.weight"), at("text_projection").t()));
  EXPECT_EQ(text.count("logit_scale"), 0U);

  auto written = clip_text_to_openclip(text, OpenClip::projected);
  file.erase(prefix + "logit_scale");
  ASSERT_EQ(names_of(written), names_of(file));
  for (const auto& [name, tensor] : file) EXPECT_TRUE(torch::equal(written.at(name), tensor)) << name;

  // Playground v2 has the matrix of a linear layer.
  file.erase(prefix + "text_projection");
  file[prefix + "text_projection.weight"] = torch::randn({3, 2});
  EXPECT_TRUE(torch::equal(clip_text_from_openclip(file, OpenClip::projected).at("text_projection.weight"),
                           at("text_projection.weight")));
  file[prefix + "transformer.resblocks.0.attn.in_proj_bias"] = torch::zeros({7});
  EXPECT_EQ(
      testing::message_of([&] { clip_text_from_openclip(file, OpenClip::projected); }),
      "transformer.resblocks.0.attn.in_proj_bias: expected queries, keys and values, found the shape 7");
}

TEST(Keymaps, OpenClipOfStableDiffusion2LeavesTheLastLayerOut) {
  const std::string prefix = "cond_stage_model.model.";
  StateDict file;
  for (int i = 0; i < 24; ++i)
    file.merge(openclip_layer(prefix + "transformer.resblocks." + std::to_string(i) + "."));
  file[prefix + "text_projection"] = torch::randn({2, 2});
  file[prefix + "ln_final.bias"] = torch::randn({2});
  const auto text = clip_text_from_openclip(file, OpenClip::penultimate);
  EXPECT_EQ(text.count("encoder.layers.22.layer_norm1.weight"), 1U);
  EXPECT_EQ(text.count("encoder.layers.23.layer_norm1.weight"), 0U);
  EXPECT_EQ(text.count("text_projection.weight"), 0U);
  const auto written = clip_text_to_openclip(text, OpenClip::penultimate);
  EXPECT_EQ(written.count(prefix + "transformer.resblocks.23.attn.in_proj_weight"), 1U)
      << "other programs look for all layers of ViT-H";
  EXPECT_EQ(names_of(clip_text_from_openclip(written, OpenClip::penultimate)), names_of(text));
}

TEST(Keymaps, ProjectionsOfOldConversionsBecomeLinear) {
  const std::string name = "mid_block.attentions.0.proj_in.weight", other = "conv_in.weight";
  const StateDict convolutions{{name, torch::randn({4, 4, 1, 1})}, {other, torch::randn({4, 4, 1, 1})}};
  const auto linear = linear_projections(convolutions);
  EXPECT_TRUE(torch::equal(linear.at(name), convolutions.at(name).flatten(1)));
  EXPECT_EQ(linear.at(other).dim(), 4);
  EXPECT_EQ(linear_projections(linear).at(name).dim(), 2);
}

}  // namespace
}  // namespace forgedit
