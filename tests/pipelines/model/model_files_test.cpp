#include "forgedit/pipelines/model/model_files.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/io/weights/single_file.h"
#include "forgedit/models/sizes_from_weights.h"
#include "forgedit/pipelines/model/model_writer.h"
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
    EXPECT_EQ(parts.tokenizer.folder, kTinyModel / "tokenizer");
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
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "contains no VAE: give a VAE"));
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
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "a single file contains no tokenizer"));
  files.hub_cache = folder_ / "hub";
  const auto cached = files.hub_cache / "models--openai--clip-vit-large-patch14/snapshots/abc";
  fs::create_directories(cached.parent_path());
  fs::copy(kTinyModel / "tokenizer", cached);
  EXPECT_EQ(read_model(files).tokenizer.folder, cached);
  fs::copy(kTinyModel / "tokenizer", folder_ / "one.tokenizer");
  EXPECT_EQ(read_model(files).tokenizer.folder, folder_ / "one.tokenizer");
  files.tokenizer = kTinyModel / "tokenizer";
  EXPECT_EQ(read_model(files).tokenizer.folder, kTinyModel / "tokenizer");
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
  EXPECT_TRUE(contains(refuse(unet_only), "contains no text encoder"));
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

/// The tiny model of 2.x or XL.
fs::path tiny(const std::string& family) {
  return fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden" / ("tiny-" + family);
}

SingleFile taken_apart(const ModelParts& parts) {
  SingleFile file;
  file.kind = unet_family(parts.unet.weights);
  file.unet = parts.unet.weights;
  file.vae = parts.vae.weights;
  file.text_encoder = parts.text_encoder.weights;
  if (parts.text_encoder_2) file.text_encoder_2 = parts.text_encoder_2->weights;
  return file;
}

TEST_F(ModelFilesTest, FoldersOfOtherFamilies) {
  const auto second = read_model(tiny("sd2"));
  EXPECT_EQ(second.settings.noise.prediction_type, PredictionType::v_prediction);
  EXPECT_FALSE(second.text_encoder_2);
  EXPECT_EQ(ClipTokenizer::from_directory(second.tokenizer.folder, second.tokenizer.pad_token).pad_id(), 0);
  const auto xl = read_model(tiny("sdxl"));
  ASSERT_TRUE(xl.text_encoder_2);
  EXPECT_EQ(xl.text_encoder_2->config.projection_dim, 20);
  EXPECT_EQ(xl.text_encoder_2->weights.count("text_projection.weight"), 1U);
  EXPECT_EQ(xl.tokenizer_2->folder, tiny("sdxl") / "tokenizer_2");
  EXPECT_TRUE(xl.settings.zeros_for_empty_prompt);
  EXPECT_EQ(xl.vae.config.scaling_factor, 0.13025);
  for (const auto* parts : {&second, &xl}) {
    EXPECT_EQ(parts->notes, std::vector<std::string>());
    EXPECT_NO_THROW(check_model(*parts));
  }
}

TEST_F(ModelFilesTest, SingleFilesOfOtherFamiliesHaveTheNamesOfOtherPrograms) {
  for (const std::string family : {"sd2", "sdxl"}) {
    const auto folder = read_model(tiny(family));
    const auto tensors = join_checkpoint(taken_apart(folder));
    std::string names;
    for (const auto& [name, tensor] : tensors) names += name + " " + shape_text(tensor.sizes()) + "\n";
    EXPECT_EQ(names, read_file(tiny(family).parent_path() / ("single_file_" + family) / "names.txt"));

    auto files = single(family + ".safetensors", tensors);
    files.config = tiny(family);
    const auto parts = read_model(files);
    expect_equal(parts.unet.weights, folder.unet.weights, at::kFloat);
    expect_equal(parts.vae.weights, folder.vae.weights, at::kFloat);
    expect_equal(parts.text_encoder.weights, folder.text_encoder.weights, at::kFloat);
    ASSERT_EQ(parts.text_encoder_2.has_value(), folder.text_encoder_2.has_value());
    if (folder.text_encoder_2) {
      expect_equal(parts.text_encoder_2->weights, folder.text_encoder_2->weights, at::kFloat);
    }
    EXPECT_EQ(carried_settings(parts.settings), carried_settings(folder.settings));
    EXPECT_NO_THROW(check_model(parts));
  }
}

/// Fingerprints of all networks.
std::string weights_of(const StableDiffusion& model) {
  auto text = fingerprint(parameters_of(*model.unet)) + fingerprint(parameters_of(*model.vae)) +
              fingerprint(parameters_of(*model.text_encoder));
  if (model.text_encoder_2) text += fingerprint(parameters_of(*model.text_encoder_2));
  return text;
}

TEST_F(ModelFilesTest, WhatIsWrittenOfOtherFamiliesComesBack) {
  for (const std::string family : {"sd2", "sdxl"}) {
    auto model = StableDiffusion::read(tiny(family), {});
    model.settings.noise.prediction_type = PredictionType::v_prediction;
    model.settings.noise.rescale_betas_zero_snr = true;
    model.settings.zeros_for_empty_prompt = false;
    const auto file = folder_ / (family + ".safetensors"), out = folder_ / family;
    write_checkpoint(model, file, at::kFloat);
    copy_tokenizer(model.tokenizer_files, folder_ / (family + ".tokenizer"));
    make_directory(out);
    write_model_folder(model, model.vae->config(), out, at::kFloat, SIZE_MAX);
    copy_tokenizer(model.tokenizer_files, out / "tokenizer");
    if (model.tokenizer_2_files) copy_tokenizer(*model.tokenizer_2_files, out / "tokenizer_2");
    for (const auto& place : {file, out}) {
      const auto again = StableDiffusion::read(place, {});
      EXPECT_EQ(weights_of(again), weights_of(model)) << place;
      EXPECT_NE(again.base_fingerprint, model.base_fingerprint)
          << "the settings were others when it was read";
      EXPECT_EQ(carried_settings(again.settings), carried_settings(model.settings)) << place;
      EXPECT_EQ(again.unet->config().to_json(), model.unet->config().to_json());
      EXPECT_EQ(again.vae->config().scaling_factor, model.vae->config().scaling_factor);
      EXPECT_EQ(again.tokenizer->pad_id(), model.tokenizer->pad_id());
      ASSERT_EQ(again.tokenizer_2.has_value(), model.tokenizer_2.has_value());
      if (model.tokenizer_2) {
        EXPECT_EQ(again.tokenizer_2->pad_id(), model.tokenizer_2->pad_id());
      }
    }
    const auto marks = read_safetensors(file).tensors;
    EXPECT_EQ(marks.count("v_pred") + marks.count("ztsnr"), 2U) << "as other programs mark such models";
  }
}

TEST_F(ModelFilesTest, PartsOfXlThatAreMissingOrOfAnotherWidth) {
  const auto whole = join_checkpoint(taken_apart(read_model(tiny("sdxl"))));
  const auto refuse = [&](const StateDict& tensors) {
    auto files = single("xl.safetensors", tensors);
    files.config = tiny("sdxl");
    const auto message = message_of([&] { check_model(read_model(files)); });
    EXPECT_TRUE(contains(message, "xl.safetensors: ")) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    return message;
  };
  const auto without = [&](const std::string& prefix) {
    auto tensors = whole;
    for (const auto& [name, tensor] : whole) {
      if (name.starts_with(prefix)) tensors.erase(name);
    }
    return tensors;
  };
  EXPECT_TRUE(contains(refuse(without(kXlClipPrefix)),
                       "contains no text encoder: expected tensors conditioner.embedders.0.transformer."));
  EXPECT_TRUE(contains(refuse(without(kXlClip2Prefix)),
                       "contains no second text encoder: expected tensors conditioner.embedders.1.model."));
  EXPECT_TRUE(contains(refuse(without("conditioner.embedders.1.model.text_projection")),
                       "missing 1: text_projection.weight"));
  auto wrong = whole;
  wrong["conditioner.embedders.1.model.ln_final.weight"] = torch::ones({41});
  EXPECT_TRUE(contains(refuse(wrong), "final_layer_norm.weight"));

  const auto model = folder_ / "model";
  fs::copy(tiny("sdxl"), model, fs::copy_options::recursive);
  auto nameless = read_json_object(model / "text_encoder_2/config.json");
  nameless.erase("architectures");
  write_file_atomically(model / "text_encoder_2/config.json", nameless.dump());
  EXPECT_NO_THROW(check_model(read_model(model)));
  remove_tree(model / "text_encoder_2");
  EXPECT_TRUE(contains(message_of([&] { read_model(model); }), "text_encoder_2: no such folder"));
  fs::copy(model / "text_encoder", model / "text_encoder_2");
  EXPECT_TRUE(contains(message_of([&] { check_model(read_model(model)); }),
                       "UNet: cross_attention_dim: expected 48 as the text encoders give, found 64"));
  auto config = read_json_object(tiny("sdxl") / "model_index.json");
  config["_class_name"] = "StableDiffusionXLImg2ImgPipeline";
  write_file_atomically(model / "model_index.json", config.dump());
  EXPECT_TRUE(contains(message_of([&] { read_model(model); }), "found StableDiffusionXLImg2ImgPipeline"));
}

TEST_F(ModelFilesTest, WhatPadsIsTheFamilysWhereNoFileOfTheModelSays) {
  const auto files_of = [&](const std::string& family) {
    auto files = single(family + ".safetensors", join_checkpoint(taken_apart(read_model(tiny(family)))));
    files.config = tiny(family);
    return files;
  };
  auto second = files_of("sd2");
  EXPECT_EQ(read_model(second).tokenizer.pad_token, "") << "the folder that was named says it";
  second.tokenizer = kTinyModel / "tokenizer";
  EXPECT_EQ(read_model(second).tokenizer.pad_token, "!");
  auto xl = files_of("sdxl");
  xl.tokenizer = kTinyModel / "tokenizer";
  EXPECT_EQ(read_model(xl).tokenizer.pad_token, "<|endoftext|>") << "whatever that folder says";
  EXPECT_EQ(read_model(xl).tokenizer_2->folder, kTinyModel / "tokenizer");
  EXPECT_EQ(read_model(xl).tokenizer_2->pad_token, "!");

  for (const auto& [model, pad] :
       {std::pair{kTinyModel, ""}, {tiny("sd2"), "!"}, {tiny("sdxl"), "<|endoftext|>"}}) {
    ModelFiles folder(model);
    EXPECT_EQ(read_model(folder).tokenizer.pad_token, "") << "its own folder says it";
    folder.tokenizer = kTinyModel / "tokenizer";
    EXPECT_EQ(read_model(folder).tokenizer.pad_token, pad) << model;
  }

  // Copies that stand for themselves.
  copy_tokenizer({fs::path(FORGEDIT_SOURCE_DIR) / "assets/clip", "!"}, folder_ / "copy");
  EXPECT_EQ(ClipTokenizer::from_directory(folder_ / "copy").pad_id(), 0);
}

TEST_F(ModelFilesTest, TheVocabularyThatShipsComesLastAndOnlyWhereItFits) {
  auto tensors = checkpoint(at::kHalf);
  auto files = single("one.safetensors", tensors);
  files.config = folder_ / "config";
  fs::copy(kTinyModel, files.config, fs::copy_options::recursive);
  remove_tree(files.config / "tokenizer");
  files.clip_vocabulary = fs::path(FORGEDIT_SOURCE_DIR) / "assets/clip";
  EXPECT_TRUE(contains(message_of([&] { read_model(files); }), "no fitting one was found"));
  auto config = read_json_object(kTinyModel / "text_encoder/config.json");
  config["vocab_size"] = 49408;
  write_file_atomically(files.config / "text_encoder/config.json", config.dump());
  tensors["cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"] =
      torch::zeros({49408, 32}, torch::kHalf);
  write_safetensors(files.model, tensors);
  EXPECT_EQ(read_model(files).tokenizer.folder, files.clip_vocabulary);
  EXPECT_NO_THROW(check_model(read_model(files)));
  fs::copy(kTinyModel / "tokenizer", folder_ / "one.tokenizer");
  EXPECT_EQ(read_model(files).tokenizer.folder, folder_ / "one.tokenizer");
}

TEST_F(ModelFilesTest, FoldersWithoutASchedulersConfig) {
  for (const std::string family : {"sd", "sd2", "sdxl"}) {
    const auto model = folder_ / family;
    fs::copy(tiny(family), model, fs::copy_options::recursive);
    remove_tree(model / "scheduler");
    auto parts = read_model(model);
    EXPECT_EQ(parts.settings.prediction_unknown, family == "sd2") << family;
    EXPECT_EQ(parts.settings.noise.prediction_type, PredictionType::epsilon);
    ask_prediction(parts);
    EXPECT_FALSE(parts.settings.prediction_unknown);
  }
}

TEST_F(ModelFilesTest, CheckpointsOfStableDiffusion2MayNotSayWhatTheyPredict) {
  auto files = single("two.safetensors", join_checkpoint(taken_apart(read_model(tiny("sd2")))));
  files.config = folder_ / "config";
  fs::copy(tiny("sd2"), files.config, fs::copy_options::recursive);
  remove_tree(files.config / "scheduler");
  auto parts = read_model(files);
  EXPECT_TRUE(parts.settings.prediction_unknown);
  auto said = parts;
  said.unet.config.sample_size = 64;
  settle_prediction(said, PredictionType::v_prediction);
  EXPECT_EQ(said.unet.config.sample_size, 64) << "a file says it";
  parts.unet.config_from_weights = true;
  settle_prediction(parts, PredictionType::v_prediction);
  EXPECT_FALSE(parts.settings.prediction_unknown);
  EXPECT_EQ(parts.settings.noise.prediction_type, PredictionType::v_prediction);
  EXPECT_EQ(parts.unet.config.sample_size, 96);
  auto marked = join_checkpoint(taken_apart(read_model(tiny("sd2"))));
  marked["ztsnr"] = torch::empty({0});
  write_safetensors(files.model, marked);
  parts = read_model(files);
  EXPECT_FALSE(parts.settings.prediction_unknown) << "without a signal only the velocity can be predicted";
  EXPECT_TRUE(parts.settings.noise.rescale_betas_zero_snr);
  marked.erase("ztsnr");
  write_safetensors(files.model, marked);
  write_file_atomically(folder_ / "two.yaml", "    linear_start: 0.00085\n    linear_end: 0.0120\n");
  parts = read_model(files);
  EXPECT_FALSE(parts.settings.prediction_unknown) << "a training config without parameterization";
  EXPECT_EQ(parts.settings.noise.prediction_type, PredictionType::epsilon);
}

TEST_F(ModelFilesTest, TheSizeThatAFileSaysStays) {
  const auto model = folder_ / "sd2";
  fs::copy(tiny("sd2"), model, fs::copy_options::recursive);
  auto config = read_json_object(model / "unet/config.json");
  config["sample_size"] = 64;
  write_file_atomically(model / "unet/config.json", config.dump());
  const auto written = StableDiffusion::read(model, {});
  ASSERT_EQ(written.settings.noise.prediction_type, PredictionType::v_prediction);
  write_checkpoint(written, folder_ / "one.safetensors", at::kFloat);
  copy_tokenizer(written.tokenizer_files, folder_ / "one.tokenizer");
  EXPECT_EQ(read_model(folder_ / "one.safetensors").unet.config.sample_size, 64);
}

TEST_F(ModelFilesTest, SizesOfOtherFamiliesComeFromShapes) {
  const auto shaped = [](const torch::nn::Module& module) {
    StateDict result;
    for (const auto& [name, tensor] : parameters_of(module)) {
      result[name] = torch::empty({1}, torch::kHalf).expand(tensor.sizes());
    }
    return result;
  };
  UNetConfig unet;
  unet.block_out_channels = {320, 640};
  unet.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D"};
  unet.up_block_types = {"CrossAttnUpBlock2D", "UpBlock2D"};
  unet.heads = {5, 10};
  unet.transformer_layers_per_block = {1, 2};
  unet.layers_per_block = 1;
  unet.cross_attention_dim = 96;
  unet.use_linear_projection = true;
  EXPECT_EQ(unet_config_from_weights(shaped(*UNet(unet)), "x").to_json(), unet.to_json());
  unet.sample_size = 128;
  unet.addition_embed_type = "text_time";
  unet.addition_time_embed_dim = 256;
  unet.projection_class_embeddings_input_dim = 6 * 256 + 40;
  EXPECT_EQ(unet_config_from_weights(shaped(*UNet(unet)), "x").to_json(), unet.to_json());
  for (const std::int64_t width : {1024, 1280}) {
    ClipTextConfig text;
    text.vocab_size = 100;
    text.num_hidden_layers = 1;
    text.hidden_size = width;
    text.intermediate_size = 128;
    text.num_attention_heads = width / 64;
    text.hidden_act = "gelu";
    text.projection_dim = width == 1280 ? 40 : 0;
    EXPECT_EQ(clip_text_config_from_weights(shaped(*ClipTextModel(text)), "x").to_json(), text.to_json());
  }
  VaeConfig vae;
  vae.block_out_channels = {128, 128};
  vae.layers_per_block = 1;
  StateDict zeros;
  for (const auto& [name, tensor] : shaped(*AutoencoderKL(vae))) zeros[name] = tensor.contiguous();
  write_safetensors(folder_ / "vae.safetensors", zeros);
  EXPECT_EQ(read_any_vae(folder_ / "vae.safetensors", {}, 0.13025).config.scaling_factor, 0.13025);
}

}  // namespace
}  // namespace forgedit
