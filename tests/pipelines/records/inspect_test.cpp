#include "forgedit/pipelines/records/inspect.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/model/model_files.h"
#include "forgedit/pipelines/model/model_writer.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

const fs::path kInspectedModel = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";

using Inspect = testing::TemporaryFolder;

TEST_F(Inspect, ModelFolder) {
  const auto whole = inspect(kInspectedModel);
  EXPECT_EQ(whole.what, "a diffusers folder (StableDiffusionPipeline)");
  EXPECT_TRUE(whole.usable);
  ASSERT_EQ(whole.parts.size(), 3U);
  const auto unet = read_unet(kInspectedModel / "unet").weights;
  EXPECT_EQ(whole.parts[0].name, "UNet");
  EXPECT_EQ(whole.parts[0].types, (std::map<std::string, std::size_t>{{"fp32", unet.size()}}));
  std::uint64_t parameters = 0;
  for (const auto& [name, tensor] : unet) parameters += static_cast<std::uint64_t>(tensor.numel());
  EXPECT_EQ(whole.parts[0].parameters, parameters);
  EXPECT_EQ(whole.parts[0].bytes, 4 * parameters);
  EXPECT_EQ(to_json(whole)["parts"][0]["parameters"], parameters);

  const auto broken = folder_ / "model";
  fs::copy(kInspectedModel, broken, fs::copy_options::recursive);
  remove_tree(broken / "vae");
  remove_tree(broken / "tokenizer");
  const auto incomplete = inspect(broken);
  EXPECT_FALSE(incomplete.usable);
  EXPECT_EQ(whole.notes, (std::vector<std::string>{"tokenizer: 1514 tokens (vocab.json, merges.txt)"}));
  EXPECT_EQ(incomplete.missing, (std::vector<std::string>{"VAE", "vae/config.json", "tokenizer"}));
  EXPECT_EQ(inspect(kInspectedModel / "unet").what, "a UNet folder");
  EXPECT_EQ(inspect(kInspectedModel / "vae").what, "a VAE folder");
  EXPECT_EQ(inspect(kInspectedModel / "text_encoder").what, "a CLIP text encoder folder");
  EXPECT_EQ(inspect(kInspectedModel / "tokenizer").what, "a CLIP tokenizer folder");
}

TEST_F(Inspect, ModelsOfOtherFamilies) {
  const auto golden = kInspectedModel.parent_path();
  const auto names = [](const Inspection& inspection) {
    std::vector<std::string> result;
    for (const auto& part : inspection.parts) result.push_back(part.name);
    return result;
  };
  const auto xl = inspect(golden / "tiny-sdxl");
  EXPECT_EQ(xl.what, "a diffusers folder (StableDiffusionXLPipeline)");
  EXPECT_TRUE(xl.usable);
  EXPECT_EQ(names(xl), (std::vector<std::string>{"UNet", "text encoder", "second text encoder", "VAE"}));
  EXPECT_EQ(std::count(xl.notes.begin(), xl.notes.end(), "UNet of Stable Diffusion XL"), 1);
  const auto second = inspect(golden / "tiny-sd2");
  EXPECT_TRUE(second.usable);
  EXPECT_EQ(std::count(second.notes.begin(), second.notes.end(), "predicts the velocity"), 1);

  const auto broken = folder_ / "model";
  fs::copy(golden / "tiny-sdxl", broken, fs::copy_options::recursive);
  remove_tree(broken / "text_encoder_2");
  remove_tree(broken / "tokenizer_2");
  EXPECT_EQ(inspect(broken).missing,
            (std::vector<std::string>{"second text encoder", "text_encoder_2/config.json", "tokenizer_2"}));

  for (const auto& [name, title] : {std::pair{"sd2", "a Stable Diffusion 2.x checkpoint"},
                                    {"sdxl", "a Stable Diffusion XL checkpoint"}}) {
    const auto file = folder_ / (std::string(name) + ".safetensors");
    write_checkpoint(StableDiffusion::read(golden / (std::string("tiny-") + name), {}), file, at::kHalf);
    const auto one = inspect(file);
    EXPECT_EQ(one.what, title);
    EXPECT_TRUE(one.usable);
    EXPECT_EQ(one.parts.size(), name == std::string("sdxl") ? 4U : 3U);
  }
}

TEST_F(Inspect, CaptionerAndJudgeOfAModelFolder) {
  const auto miniature = inspect(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model");
  EXPECT_TRUE(miniature.usable);
  std::vector<std::string> names;
  for (const auto& part : miniature.parts) names.push_back(part.name);
  EXPECT_EQ(names, (std::vector<std::string>{"UNet", "text encoder", "VAE", "captioner (BLIP)",
                                             "CLIP (for scores)"}));
  ASSERT_EQ(miniature.notes.size(), 3U);
  EXPECT_EQ(miniature.notes[0], "tokenizer: 1600 tokens (vocab.json, merges.txt)");
  EXPECT_TRUE(contains(miniature.notes[1], "the model's own defaults (forgedit.json) of learning: "))
      << miniature.notes[1];
  EXPECT_TRUE(contains(miniature.notes[2], "the model's own defaults (forgedit.json) of sampling: "))
      << miniature.notes[2];
  EXPECT_TRUE(inspect(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model/captioner").usable);
  const auto model = folder_ / "model";
  fs::copy(fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd", model, fs::copy_options::recursive);
  fs::copy(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model/clip", model / "safety_checker");
  EXPECT_EQ(inspect(model).parts.back().name, "safety checker");
  const auto judge = folder_ / "clip";
  fs::copy(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model/clip", judge);
  EXPECT_TRUE(inspect(judge).usable);
  write_file_atomically(judge / "added_tokens.json", R"({"<my-dog>": 1600})");
  EXPECT_TRUE(
      contains(inspect(judge).reasons.at(0), "id 1600, but the text tower has 1600 token embeddings"));
  fs::remove(judge / "merges.txt");
  EXPECT_EQ(inspect(judge).missing, (std::vector<std::string>{"tokenizer"}));
}

TEST_F(Inspect, SavedEditsAndResults) {
  LearnedPicture learned;
  learned.picture_name = "cat.png";
  learned.source = "a cat";
  learned.base_fingerprint = "0123456789abcdef";
  learned.result.embedding.tokens = torch::ones({1, 77, 32});
  learned.result.unet = {{"down_blocks.1.a.weight", torch::ones({4})}};
  learned.result.losses.assign(36, 0.5);
  learned.frame = fit_frame(100, 80, 64 * 64, 16);
  learned.grid = Image(learned.frame.grid_width, learned.frame.grid_height, {10, 20, 30});
  const auto note = [&](const char* name) {
    write_saved_edit(folder_ / name, learned);
    return inspect(folder_ / name).notes.at(2);
  };
  EXPECT_TRUE(contains(note("early"), "from 360 samples (400 were planned; it stopped early) at "));
  learned.result.losses.assign(40, 0.5);
  EXPECT_TRUE(contains(note("whole"), "learned with vanilla from 400 samples at "));
  learned.options.samples = 405;
  EXPECT_TRUE(contains(note("rest"), "from 400 samples at ")) << "405 samples are 40 batches of 10";

  fs::create_directories(folder_ / "out");
  write_file_atomically(folder_ / "out/edit.json", R"({"pictures": [{}, {}]})");
  const auto results = inspect(folder_ / "out");
  EXPECT_EQ(results.what, "results of `forgedit edit`");
  EXPECT_FALSE(results.usable);
  EXPECT_TRUE(contains(results.purpose, "is not a saved edit"));
  EXPECT_EQ(results.notes, (std::vector<std::string>{"2 images"}));
}

TEST_F(Inspect, Files) {
  const auto parts = read_model(kInspectedModel);
  auto tensors = unet_to_ldm(parts.unet.weights);
  tensors.merge(clip_text_to_ldm(parts.text_encoder.weights));
  tensors["model_ema.decay"] = torch::zeros({1});
  write_safetensors(folder_ / "one.safetensors", tensors);
  const auto one = inspect(folder_ / "one.safetensors");
  EXPECT_EQ(one.what, "a Stable Diffusion 1.x checkpoint");
  EXPECT_EQ(one.missing, (std::vector<std::string>{"VAE", "tokenizer"}));
  EXPECT_FALSE(one.usable) << "a VAE is needed beside it";
  EXPECT_EQ(one.notes[1], "contains no VAE: to edit with this model, give a separate VAE");
  EXPECT_EQ(one.notes.back(), "1 averaged copies (model_ema), not used");

  tensors.merge(vae_to_ldm(parts.vae.weights));
  write_safetensors(folder_ / "whole.safetensors", tensors);
  EXPECT_TRUE(inspect(folder_ / "whole.safetensors").usable) << "a tokenizer may come from the hub's cache";

  write_safetensors(folder_ / "lora.safetensors", {{"lora_unet_a.alpha", torch::ones({1})},
                                                   {"lora_unet_a.lora_down.weight", torch::ones({4, 8})},
                                                   {"lora_unet_b.lora_down.weight", torch::ones({6, 8})}});
  EXPECT_EQ(inspect(folder_ / "lora.safetensors").notes.back(), "2 layers of rank 4 to 6");
  EXPECT_EQ(inspect(folder_ / "lora.safetensors").what, "a LoRA");
  EXPECT_TRUE(inspect(folder_ / "lora.safetensors").usable);
  write_safetensors(folder_ / "locon.safetensors", {{"lora_unet_a.lora_mid.weight", torch::ones({1})}});
  const auto locon = inspect(folder_ / "locon.safetensors");
  EXPECT_FALSE(locon.usable);
  EXPECT_TRUE(contains(locon.reasons.at(0), "found LoCon")) << locon.reasons.at(0);
  write_safetensors(folder_ / "dog.embedding.safetensors", {{"embedding", torch::ones({1, 77, 32})}},
                    {{"source", "a dog"}});
  const auto embedding = inspect(folder_ / "dog.embedding.safetensors");
  EXPECT_TRUE(contains(embedding.what, "a learned source embedding"));
  EXPECT_EQ(embedding.notes, (std::vector<std::string>{"source \"a dog\""}));
  write_safetensors(folder_ / "other.safetensors", {{"layer1.weight", torch::ones({1})}});
  EXPECT_TRUE(contains(message_of([&] { inspect(folder_ / "other.safetensors"); }), "layer1.weight"));
}

TEST_F(Inspect, NothingKnown) {
  EXPECT_TRUE(contains(message_of([&] { inspect(folder_ / "none"); }), "no such file or folder"));
  EXPECT_TRUE(contains(message_of([&] { inspect(folder_); }), "unknown contents"));
  write_file_atomically(folder_ / "config.json", R"({"model_type":"gpt2"})");
  EXPECT_TRUE(contains(message_of([&] { inspect(folder_); }), "'gpt2' is unknown to forgedit"));
  write_file_atomically(folder_ / "text.txt", "hello");
  EXPECT_TRUE(contains(message_of([&] { inspect(folder_ / "text.txt"); }), "neither a safetensors"));
}

}  // namespace
}  // namespace forgedit
