// Writes a model folder of a published geometry with random weights, for timing and for trying whole paths
// without anybody's weights. The pictures that come out are noise.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/pipelines/model/model_writer.h"
#include "tools/miniature/recipe.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// What a family's networks are made of.
struct Geometry {
  UNetConfig unet;
  VaeConfig vae;
  ClipTextConfig text_encoder;
  std::optional<ClipTextConfig> text_encoder_2;
  ModelSettings settings;
  std::string pad_token;  ///< of the last text encoder; empty: what the tokenizer's files say
};

/// OpenCLIP's text encoder of heads of 64 channels.
ClipTextConfig openclip(std::int64_t width, std::int64_t layers, std::int64_t projection) {
  ClipTextConfig c;
  c.hidden_size = width;
  c.intermediate_size = 4 * width;
  c.num_hidden_layers = layers;
  c.num_attention_heads = width / 64;
  c.hidden_act = "gelu";
  c.projection_dim = projection;
  return c;
}

/// 2.1 at 768 pixels: it predicts the velocity.
Geometry sd2() {
  Geometry g;
  g.unet.sample_size = 96;
  g.unet.heads = {5, 10, 20, 20};
  g.unet.cross_attention_dim = 1024;
  g.unet.use_linear_projection = true;
  g.text_encoder = openclip(1024, 23, 0);
  g.settings.noise.prediction_type = PredictionType::v_prediction;
  g.pad_token = "!";
  return g;
}

Geometry sdxl() {
  Geometry g;
  auto& unet = g.unet;
  unet.sample_size = 128;
  unet.block_out_channels = {320, 640, 1280};
  unet.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"};
  unet.up_block_types = {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"};
  unet.heads = {5, 10, 20};
  unet.transformer_layers_per_block = {1, 2, 10};
  unet.cross_attention_dim = 768 + 1280;
  unet.use_linear_projection = true;
  unet.addition_embed_type = "text_time";
  unet.addition_time_embed_dim = 256;
  unet.projection_class_embeddings_input_dim = 1280 + kTimeIds * 256;
  g.vae.sample_size = 1024;
  g.vae.scaling_factor = 0.13025;
  g.text_encoder_2 = openclip(1280, 32, 1280);
  g.settings.zeros_for_empty_prompt = true;
  g.pad_token = "!";
  return g;
}

/// The same with narrow layers, few of them, and small pictures.
void shrink(Geometry& g) {
  constexpr std::int64_t kNarrower = 20, kHeadWidth = 4, kTime = 8;
  auto& unet = g.unet;
  for (auto& width : unet.block_out_channels) width /= kNarrower;
  unet.heads.assign(unet.block_out_channels.size(), kHeadWidth);
  for (auto& depth : unet.transformer_layers_per_block) depth = std::min<std::int64_t>(depth, 2);
  unet.layers_per_block = 1;
  unet.norm_num_groups = 4;
  unet.sample_size = 8;
  g.vae.block_out_channels = {16, 16, 16, 16};
  g.vae.norm_num_groups = 4;
  g.vae.layers_per_block = 1;
  g.vae.sample_size = 64;
  unet.cross_attention_dim = 0;
  for (auto* text : {&g.text_encoder, g.text_encoder_2 ? &*g.text_encoder_2 : nullptr}) {
    if (!text) continue;
    text->hidden_size /= 32;
    text->intermediate_size = 4 * text->hidden_size;
    text->num_hidden_layers = 3;
    text->num_attention_heads = 4;
    text->projection_dim /= 32;
    unet.cross_attention_dim += text->hidden_size;
  }
  if (!unet.takes_added_conditions()) return;
  unet.addition_time_embed_dim = kTime;
  unet.projection_class_embeddings_input_dim = g.text_encoder_2->projection_dim + kTimeIds * kTime;
}

void write(Geometry g, const fs::path& tokenizer, const fs::path& out, std::uint64_t seed) {
  const auto rows = static_cast<std::int64_t>(ClipTokenizer::from_directory(tokenizer).vocab_size());
  g.text_encoder.vocab_size = rows;
  StableDiffusion model;
  model.unet = UNet(g.unet);
  model.vae = AutoencoderKL(g.vae);
  model.text_encoder = ClipTextModel(g.text_encoder);
  model.settings = g.settings;
  miniature::initialise(*model.unet, seed);
  miniature::initialise(*model.vae, seed + 1);
  miniature::initialise(*model.text_encoder, seed + 2);
  const bool two = g.text_encoder_2.has_value();
  if (two) {
    g.text_encoder_2->vocab_size = rows;
    model.text_encoder_2 = ClipTextModel(*g.text_encoder_2);
    miniature::initialise(*model.text_encoder_2, seed + 3);
  }
  make_directory(out);
  copy_tokenizer({tokenizer, two ? "" : g.pad_token}, out / "tokenizer");
  if (two) copy_tokenizer({tokenizer, g.pad_token}, out / "tokenizer_2");
  write_model_folder(model, g.vae, out, at::kHalf, std::size_t{4} << 30);
}

}  // namespace
}  // namespace forgedit

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  const std::map<std::string, std::function<forgedit::Geometry()>> families{
      {"sd1", [] { return forgedit::Geometry(); }}, {"sd2", forgedit::sd2}, {"sdxl", forgedit::sdxl}};
  CLI::App app{"Writes a diffusers folder of a published geometry with random float16 weights."};
  fs::path out, tokenizer;
  std::string family = "sd1";
  std::uint64_t seed = 0;
  bool tiny = false;
  app.add_option("--out", out, "model folder to write")->required();
  app.add_option("--family", family, "sd1 (1.4), sd2 (2.1 at 768 pixels, velocity) or sdxl (1.0)")
      ->check(CLI::IsMember(families))
      ->capture_default_str();
  app.add_flag(
      "--tiny", tiny,
      "the same structure with narrow layers: a few million parameters, most of them token embeddings");
  app.add_option("--tokenizer", tokenizer, "folder with CLIP's vocab.json and merges.txt, copied")
      ->required();
  app.add_option("--seed", seed, "of the weights")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    auto geometry = families.at(family)();
    if (tiny) forgedit::shrink(geometry);
    forgedit::write(geometry, tokenizer, out, seed);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "forgedit_random_model: " << error.what() << '\n';
    return 1;
  }
}
