#include "forgedit/pipelines/model/model_files.h"

#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/models/sizes_from_weights.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "tests/io/weights/make_torch_file.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

const fs::path kTinyModel = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";

/// The tiny model's tensors as one checkpoint under LDM names.
StateDict checkpoint(at::ScalarType dtype, bool with_vae = true) {
  const auto parts = read_model(kTinyModel);
  auto tensors = unet_to_ldm(parts.unet.weights);
  tensors.merge(clip_text_to_ldm(parts.text_encoder.weights));
  if (with_vae) tensors.merge(vae_to_ldm(parts.vae.weights));
  for (auto& [name, tensor] : tensors) tensor = tensor.to(dtype).contiguous();
  return tensors;
}

void expect_equal(const StateDict& actual, const StateDict& expected, at::ScalarType dtype) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.count(name)) << name;
    EXPECT_TRUE(torch::equal(actual.at(name), tensor.to(dtype))) << name;
  }
}

class ModelFilesTest : public testing::TemporaryFolder {
 protected:
  ModelFiles single(const std::string& name, const StateDict& tensors) {
    write_safetensors(folder_ / name, tensors);
    return given(name);
  }
  ModelFiles given(const std::string& name) {
    ModelFiles files(folder_ / name);
    files.config = kTinyModel;
    return files;
  }
};

TEST_F(ModelFilesTest, SingleFilesOfEveryDtypeHoldTheFoldersTensors) {
  const auto folder = read_model(kTinyModel);
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    auto tensors = checkpoint(dtype);
    // What training leaves behind.
    tensors["model_ema.diffusion_modelout2weight"] = torch::zeros({2});
    tensors["betas"] = torch::zeros({1000});
    tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] =
        torch::arange(77).unsqueeze(0);
    const auto parts = read_model(single("one.safetensors", tensors));
    expect_equal(parts.unet.weights, folder.unet.weights, dtype);
    expect_equal(parts.text_encoder.weights, folder.text_encoder.weights, dtype);
    expect_equal(parts.vae.weights, folder.vae.weights, dtype);
    EXPECT_EQ(parts.tokenizer, kTinyModel / "tokenizer");
  }
}

TEST_F(ModelFilesTest, PyTorchCheckpointWithNamesWithoutTextModel) {
  StateDict tensors;
  for (const auto& [name, tensor] : checkpoint(at::kHalf)) {
    const auto at = name.find("text_model.");
    tensors[at == std::string::npos ? name : std::string(name).erase(at, 11)] = tensor;
  }
  const auto pickle = testing::pickled_tensors(tensors);
  const auto root =
      testing::pickled::dict(testing::pickled::text("global_step") + testing::pickled::integer(7) +
                             testing::pickled::text("state_dict") + testing::pickled::dict(pickle.items));
  write_file_atomically(folder_ / "one.ckpt", testing::torch_zip(root, pickle.storages));
  const auto model = StableDiffusion::load(given("one.ckpt"), {});
  write_safetensors(folder_ / "one.safetensors", checkpoint(at::kHalf));
  EXPECT_EQ(model.base_fingerprint, StableDiffusion::load(given("one.safetensors"), {}).base_fingerprint);
}

TEST_F(ModelFilesTest, VaeFromAnywhere) {
  auto files = single("novae.safetensors", checkpoint(at::kHalf, false));
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "no VAE in it: name a folder or a file"));
  const auto vae = read_vae(kTinyModel / "vae").weights;
  write_safetensors(folder_ / "whole.safetensors", checkpoint(at::kFloat));
  write_safetensors(folder_ / "prefixed.safetensors", vae_to_ldm(vae));
  StateDict bare;
  for (const auto& [name, tensor] : vae_to_ldm(vae))
    bare[name.substr(std::string(kLdmVaePrefix).size())] = tensor;
  bare["loss.logvar"] = torch::zeros({1});
  write_safetensors(folder_ / "bare.safetensors", bare);
  write_safetensors(folder_ / "diffusers.safetensors", vae);
  for (const auto& place :
       {kTinyModel, kTinyModel / "vae", folder_ / "whole.safetensors", folder_ / "prefixed.safetensors",
        folder_ / "bare.safetensors", folder_ / "diffusers.safetensors"}) {
    files.vae = place;
    expect_equal(read_model(files).vae.weights, vae, at::kFloat);
  }
  files.vae = folder_ / "novae.safetensors";
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "a checkpoint without a VAE in it"));
  ModelFiles folder(kTinyModel);
  folder.vae = folder_ / "bare.safetensors";
  expect_equal(read_model(folder).vae.weights, vae, at::kFloat);
}

TEST_F(ModelFilesTest, TokenizerIsLookedForAndAskedFor) {
  auto files = single("one.safetensors", checkpoint(at::kHalf));
  const auto config = folder_ / "config";
  fs::copy(kTinyModel, config, fs::copy_options::recursive);
  remove_tree(config / "tokenizer");
  files.config = config;
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "no tokenizer: name a folder"));
  files.hub_cache = folder_ / "hub";
  const auto cached = files.hub_cache / "models--openai--clip-vit-large-patch14/snapshots/abc";
  fs::create_directories(cached.parent_path());
  fs::copy(kTinyModel / "tokenizer", cached);
  EXPECT_EQ(read_model(files).tokenizer, cached);
  fs::copy(kTinyModel / "tokenizer", folder_ / "one.tokenizer");
  EXPECT_EQ(read_model(files).tokenizer, folder_ / "one.tokenizer");
  files.tokenizer = kTinyModel / "tokenizer";
  EXPECT_EQ(read_model(files).tokenizer, kTinyModel / "tokenizer");
}

TEST_F(ModelFilesTest, WhatIsNoCheckpointIsNamed) {
  const auto refuse = [&](StateDict tensors) {
    const auto files = single("one.safetensors", tensors);
    const auto message = message_of([&] { read_model(files); });
    EXPECT_TRUE(contains(message, "one.safetensors: ")) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    return message;
  };
  EXPECT_TRUE(contains(refuse({{"lora_unet_a.lora_down.weight", torch::ones({1})}}), "found a LoRA"));
  auto inpainting = checkpoint(at::kHalf);
  inpainting["model.diffusion_model.input_blocks.0.0.weight"] = torch::zeros({16, 9, 3, 3});
  EXPECT_TRUE(contains(refuse(inpainting), "inpainting"));
  StateDict unet_only = unet_to_ldm(read_unet(kTinyModel / "unet").weights);
  EXPECT_TRUE(contains(refuse(unet_only), "no text encoder in it"));
  auto incomplete = checkpoint(at::kHalf);
  incomplete.erase("model.diffusion_model.out.2.bias");
  const auto files = single("two.safetensors", incomplete);
  EXPECT_TRUE(contains(message_of([&] { StableDiffusion::load(files, {}); }), "missing 1: conv_out.bias"));
}

TEST_F(ModelFilesTest, SizesComeFromShapesWhereTheyArePublishedOnes) {
  auto files = single("one.safetensors", checkpoint(at::kHalf));
  files.config.clear();
  files.tokenizer = kTinyModel / "tokenizer";
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "a diffusers folder with its settings"));

  // Only shapes count: tensors without memory stand for Stable Diffusion 1.x's.
  const auto shaped = [](const torch::nn::Module& module) {
    StateDict result;
    for (const auto& [name, tensor] : parameters_of(module)) {
      result[name] = torch::empty({1}, torch::kHalf).expand(tensor.sizes());
    }
    return result;
  };
  UNetConfig published;
  published.block_out_channels = {320, 640};
  published.down_block_types = {"CrossAttnDownBlock2D", "DownBlock2D"};
  published.up_block_types = {"UpBlock2D", "CrossAttnUpBlock2D"};
  published.heads = {8, 8};
  published.layers_per_block = 1;
  const auto unet = unet_from_ldm(unet_to_ldm(shaped(*UNet(published))));
  EXPECT_EQ(unet_config_from_weights(unet, "x").to_json(), published.to_json());
  VaeConfig vae;
  vae.block_out_channels = {128, 256};
  EXPECT_EQ(vae_config_from_weights(shaped(*AutoencoderKL(vae)), "x").to_json(), vae.to_json());
  ClipTextConfig text;
  text.vocab_size = 100;
  text.num_hidden_layers = 2;
  EXPECT_EQ(clip_text_config_from_weights(shaped(*ClipTextModel(text)), "x").to_json(), text.to_json());
}

}  // namespace
}  // namespace forgedit
