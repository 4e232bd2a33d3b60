// Writes a model folder of Stable Diffusion 1.4's geometry with random weights, for timing and for trying
// whole paths without anybody's weights. The pictures that come out are noise.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/pipelines/model/model_writer.h"
#include "tools/miniature/recipe.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  CLI::App app{"Writes a diffusers folder of Stable Diffusion 1.4's geometry with random float16 weights."};
  fs::path out, tokenizer;
  std::uint64_t seed = 0;
  app.add_option("--out", out, "model folder to write")->required();
  app.add_option("--tokenizer", tokenizer, "folder with CLIP's vocab.json and merges.txt, copied")
      ->required();
  app.add_option("--seed", seed, "of the weights")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    forgedit::StableDiffusion model;
    model.unet = forgedit::UNet(forgedit::UNetConfig{});
    model.vae = forgedit::AutoencoderKL(forgedit::VaeConfig{});
    model.text_encoder = forgedit::ClipTextModel(forgedit::ClipTextConfig{});
    forgedit::miniature::initialise(*model.unet, seed);
    forgedit::miniature::initialise(*model.vae, seed + 1);
    forgedit::miniature::initialise(*model.text_encoder, seed + 2);
    forgedit::make_directory(out);
    fs::copy(tokenizer, out / "tokenizer",
             fs::copy_options::overwrite_existing | fs::copy_options::recursive);
    forgedit::write_model_folder(model, model.vae->config(), out, at::kHalf, std::size_t{4} << 30);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "forgedit_random_model: " << error.what() << '\n';
    return 1;
  }
}
