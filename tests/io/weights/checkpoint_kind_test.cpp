#include "forgedit/io/weights/checkpoint_kind.h"

#include "forgedit/core/torch.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;
using Kind = CheckpointKind;

const std::string kUnet = "model.diffusion_model.";

StateDict named(std::initializer_list<std::string> names) {
  StateDict result;
  for (const auto& name : names) result[name] = torch::zeros({1});
  return result;
}

/// The first convolution decides between variants of one family.
StateDict ldm(std::int64_t channels) {
  auto result =
      named({kUnet + "out.2.weight", "cond_stage_model.transformer.text_model.final_layer_norm.bias"});
  result[kUnet + "input_blocks.0.0.weight"] = torch::zeros({320, channels, 3, 3});
  result[kUnet + "input_blocks.1.1.proj_in.weight"] = torch::zeros({320, 320, 1, 1});
  return result;
}

TEST(CheckpointKind, FamiliesWithLdmNames) {
  EXPECT_EQ(checkpoint_kind(ldm(4)), Kind::sd1);
  EXPECT_EQ(checkpoint_kind(ldm(9)), Kind::sd1_inpainting);
  EXPECT_EQ(checkpoint_kind(ldm(8)), Kind::sd1_instruct);
  auto second = ldm(4);
  second["cond_stage_model.model.transformer.resblocks.0.ln_1.bias"] = torch::zeros({1});
  EXPECT_EQ(checkpoint_kind(second), Kind::sd2);
  auto linear = ldm(4);
  linear[kUnet + "input_blocks.1.1.proj_in.weight"] = torch::zeros({320, 320});
  EXPECT_EQ(checkpoint_kind(linear), Kind::sd2);
  const auto with = [](StateDict tensors, std::initializer_list<std::string> names) {
    for (const auto& name : names) tensors[name] = torch::zeros({1});
    return tensors;
  };
  const auto xl = [&](std::int64_t channels) {
    return with(ldm(channels), {kUnet + "label_emb.0.0.weight"});
  };
  const std::string first = "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias",
                    other = "conditioner.embedders.1.model.ln_final.weight";
  EXPECT_EQ(checkpoint_kind(with(xl(4), {first, other})), Kind::sdxl);
  EXPECT_EQ(checkpoint_kind(with(xl(4), {first})), Kind::sdxl) << "the other encoder is missed by its name";
  EXPECT_EQ(checkpoint_kind(with(xl(4), {other})), Kind::sdxl);
  EXPECT_EQ(checkpoint_kind(with(xl(9), {first, other})), Kind::sdxl_inpainting);
  EXPECT_EQ(checkpoint_kind(with(xl(8), {first, other})), Kind::sdxl_instruct);
  EXPECT_EQ(checkpoint_kind(with(xl(4), {"conditioner.embedders.0.model.ln_final.weight"})),
            Kind::sdxl_refiner);
  auto refiner = xl(4);
  refiner[kUnet + "input_blocks.0.0.weight"] = torch::zeros({384, 4, 3, 3});
  EXPECT_EQ(checkpoint_kind(refiner), Kind::sdxl_refiner) << "its UNet alone";
  const auto openclip = [&](std::int64_t channels) {
    return with(ldm(channels), {"cond_stage_model.model.ln_final.weight"});
  };
  EXPECT_EQ(checkpoint_kind(openclip(9)), Kind::sd2_inpainting);
  EXPECT_EQ(checkpoint_kind(openclip(8)), Kind::sd2_instruct);
  EXPECT_EQ(checkpoint_kind(openclip(5)), Kind::sd2_depth);
  EXPECT_EQ(checkpoint_kind(with(openclip(4), {kUnet + "label_emb.0.0.weight"})), Kind::sd2_unclip);
  EXPECT_EQ(checkpoint_kind(with(xl(4), {first, other, "v_pred", "ztsnr"})), Kind::sdxl);
  EXPECT_EQ(checkpoint_kind(with(xl(4), {first, other, "edm_vpred.sigma_max", "edm_vpred.sigma_min"})),
            Kind::cosxl);
  EXPECT_EQ(checkpoint_kind(with(xl(4), {first, other, "edm_mean", "edm_std"})), Kind::playground);
  EXPECT_EQ(checkpoint_kind(with(ldm(4), {"edm_other"})), Kind::edm);
}

TEST(CheckpointKind, UnetsUnderDiffusersNames) {
  auto unet = named({"down_blocks.0.resnets.0.conv1.bias"});
  unet["conv_in.weight"] = torch::zeros({320, 4, 3, 3});
  unet["mid_block.attentions.0.proj_in.weight"] = torch::zeros({8, 8, 1, 1});
  const auto expect = [&](Kind alone, Kind family) {
    EXPECT_EQ(checkpoint_kind(unet), alone);
    EXPECT_EQ(unet_family(unet), family);
  };
  expect(Kind::unet, Kind::sd1);
  unet["mid_block.attentions.0.proj_in.weight"] = torch::zeros({8, 8});
  expect(Kind::unet, Kind::sd2);
  unet["conv_in.weight"] = torch::zeros({320, 9, 3, 3});
  expect(Kind::sd2_inpainting, Kind::sd2);
  unet["add_embedding.linear_1.weight"] = torch::zeros({1});
  expect(Kind::sdxl_inpainting, Kind::sdxl);
}

TEST(CheckpointKind, OtherFiles) {
  const std::pair<Kind, const char*> rows[] = {
      {Kind::sd3, "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"},
      {Kind::flux, "double_blocks.0.img_attn.qkv.weight"},
      {Kind::lora, "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"},
      {Kind::lora, "unet.mid_block.attentions.0.proj_in.lora.up.weight"},
      {Kind::controlnet, "control_model.input_blocks.0.0.weight"},
      {Kind::textual_inversion, "emb_params"},
      {Kind::vae, "first_stage_model.decoder.conv_in.weight"},
      {Kind::vae, "decoder.conv_in.weight"},
      {Kind::text_encoder, "text_model.embeddings.token_embedding.weight"},
      {Kind::text_encoder, "embeddings.token_embedding.weight"},
      {Kind::captioner, "text_decoder.cls.predictions.bias"},
      {Kind::clip, "vision_model.post_layernorm.bias"},
      {Kind::unknown, "layer4.2.conv1.weight"},
  };
  for (const auto& [kind, name] : rows) EXPECT_EQ(checkpoint_kind(named({name})), kind) << name;
  EXPECT_EQ(checkpoint_kind(named({"down_blocks.0.resnets.0.conv1.bias", "conv_in.bias"})), Kind::unet);
  EXPECT_EQ(checkpoint_kind({}), Kind::unknown);
}

TEST(CheckpointKind, RefusalsNameBothInOneLine) {
  const auto message = message_of([] { require_kind(Kind::sdxl, Kind::sd1, "xl.safetensors"); });
  EXPECT_EQ(message,
            "xl.safetensors: expected a Stable Diffusion 1.x checkpoint, found a Stable Diffusion XL "
            "checkpoint");
  EXPECT_EQ(message_of([] { require_stable_diffusion(Kind::playground, "pg.safetensors"); }),
            "pg.safetensors: expected a Stable Diffusion 1.x, 2.x or XL checkpoint, found a Playground v2.5 "
            "model (edm_mean, edm_std: its noise is described by sigmas)");
  for (const auto kind : {Kind::sd1, Kind::sd2, Kind::sdxl})
    EXPECT_NO_THROW(require_stable_diffusion(kind, "x"));
}

}  // namespace
}  // namespace forgedit
