#include "forgedit/io/weights/checkpoint_kind.h"

#include <torch/torch.h>

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
  auto xl = ldm(4);
  xl[kUnet + "label_emb.0.0.weight"] = torch::zeros({1});
  EXPECT_EQ(checkpoint_kind(xl), Kind::sdxl_refiner);
  xl["conditioner.embedders.1.model.ln_final.weight"] = torch::zeros({1});
  EXPECT_EQ(checkpoint_kind(xl), Kind::sdxl);
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
            "xl.safetensors: expected a Stable Diffusion 1.x checkpoint, found a Stable Diffusion XL model");
}

}  // namespace
}  // namespace forgedit
