// Trains the miniature: VAE, then UNet and text encoder together. See tools/miniature/README.md.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/pipelines/model/model_writer.h"
#include "tools/miniature/held_back.h"
#include "tools/miniature/sample_sheet.h"
#include "tools/miniature/tokenizer_trainer.h"
#include "tools/miniature/train_unet.h"
#include "tools/miniature/train_vae.h"

namespace forgedit::miniature {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path pack = ".pack/emoji.pack";
  fs::path assets = "assets";
  fs::path out, from;
  std::vector<std::string> devices{"auto"};
  std::int64_t scenes = 100'000;
  double checkpoint_seconds = 120;
  TrainOptions vae, unet;
};

ClipTokenizer prepare_tokenizer(const Arguments& a, const EmojiPack& pack) {
  const auto directory = a.out / "tokenizer";
  if (!a.from.empty() && a.from != a.out) {
    make_directory(directory);
    fs::copy(a.from / "tokenizer", directory,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  } else if (a.from.empty()) {
    std::vector<std::string> captions;
    for (std::size_t entry = 0; entry < pack.entries.size(); ++entry) {
      for (std::size_t background = 0; background < kBackgrounds.size(); ++background) {
        captions.push_back(caption(pack, entry, background));
      }
    }
    train_clip_tokenizer(captions, kVocabularySize, directory);
  }
  return ClipTokenizer::from_directory(directory);
}

template <typename Model, typename Config>
Model fresh(const Config& config, std::uint64_t seed, const c10::Device& device) {
  Model model(config);
  initialise(*model, seed);
  model->to(device);
  return model;
}

void train(const Arguments& a) {
  auto pack = read_pack(a.pack);
  hold_back(pack, a.assets / "miniature" / "held_back.txt");
  make_directory(a.out);

  StableDiffusion model;
  model.policy.device = parse_device(a.devices.front());
  const auto& device = model.policy.device;
  prepare_compute(model.policy);
  // Other than an edit, a training run need not give the same bytes again.
  at::globalContext().setDeterministicAlgorithms(false, false);
  at::globalContext().setDeterministicCuDNN(false);
  at::globalContext().setBenchmarkCuDNN(true);
  at::globalContext().setAllowTF32CuDNN(true);
  model.tokenizer = prepare_tokenizer(a, pack);

  const bool resume = !a.from.empty();
  auto vae_settings = vae_config();
  if (resume) vae_settings = VaeConfig::from_json(ConfigReader(a.from / "vae" / "config.json"));
  model.vae = resume ? load_vae(a.from / "vae", device) : fresh<AutoencoderKL>(vae_settings, 1, device);
  if (a.vae.seconds > 0) {
    train_vae(model.vae, pack, device, a.vae);
    vae_settings.scaling_factor = 0;  // measured below
  }
  spdlog::info("vae: {:.2f} dB on held-back pictures", vae_psnr(model.vae, pack, device, 256));

  const CaptionTable captions(pack, *model.tokenizer);
  const auto data =
      encode_scenes(model.vae, pack, captions, device, a.scenes, vae_settings.scaling_factor, a.unet.seed);
  spdlog::info("{} scenes encoded, scaling factor {:.4f}", a.scenes, vae_settings.scaling_factor);

  const auto vocabulary = static_cast<std::int64_t>(model.tokenizer->vocab_size());
  std::vector<DiffusionReplica> replicas;
  for (const auto& name : a.devices) {
    const auto place = parse_device(name);
    replicas.push_back({place,
                        resume ? load_unet(a.from / "unet", place) : fresh<UNet>(unet_config(), 2, place),
                        resume ? load_clip_text(a.from / "text_encoder", place)
                               : fresh<ClipTextModel>(text_config(vocabulary), 3, place)});
  }
  model.unet = replicas.front().unet;
  model.text_encoder = replicas.front().text_encoder;

  const auto save = [&](std::int64_t step, double seconds) {
    write_model_folder(model, vae_settings, a.out, at::kHalf, std::size_t{16} << 20);
    // The networks in training hold the default scaling factor: read back what was written.
    auto saved = StableDiffusion::load(a.out, model.policy);
    write_sample_sheet(saved, pack, 64, 7, a.assets / "fonts" / "DejaVuSans.ttf", a.out / "samples.png");
    spdlog::info("saved after {} steps, {:.0f} s", step, seconds);
  };
  train_unet(replicas, data, captions, a.unet, a.checkpoint_seconds, save);
  save(-1, a.unet.seconds);
}

void add_options(CLI::App& app, Arguments& a) {
  app.add_option("--pack", a.pack, "training pack")->capture_default_str();
  app.add_option("--assets", a.assets, "the project's assets folder")->capture_default_str();
  app.add_option("--out", a.out, "model folder to write")->required();
  app.add_option("--from", a.from, "model folder to go on from (fresh optimiser state, short warm-up)");
  app.add_option("--devices", a.devices, "auto, cpu or cuda[:n]; with several, by commas, each has a batch")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--scenes", a.scenes, "scenes to encode")->capture_default_str();
  app.add_option("--checkpoint-seconds", a.checkpoint_seconds, "time between saves")->capture_default_str();
  app.add_option("--seed", a.unet.seed, "of scenes and noise")->capture_default_str();
  for (auto& [prefix, o] : {std::pair<std::string, TrainOptions&>{"--vae-", a.vae}, {"--unet-", a.unet}}) {
    app.add_option(prefix + "seconds", o.seconds, "training time")->capture_default_str();
    app.add_option(prefix + "batch", o.batch, "samples a step")->capture_default_str();
    app.add_option(prefix + "lr", o.lr_first, "learning rate after the warm-up")->capture_default_str();
    app.add_option(prefix + "lr-last", o.lr_last, "learning rate at the end")->capture_default_str();
    app.add_option(prefix + "warmup", o.warmup_steps, "warm-up steps")->capture_default_str();
    app.add_option(prefix + "ema", o.ema_decay, "decay of the weights' average")->capture_default_str();
  }
}

}  // namespace
}  // namespace forgedit::miniature

int main(int argc, char** argv) {
  CLI::App app{"Trains the miniature text-to-image model and writes it as a diffusers folder."};
  forgedit::miniature::Arguments arguments;
  arguments.vae.batch = 96;
  arguments.vae.lr_first = 1e-3;
  arguments.vae.weight_decay = 0;
  forgedit::miniature::add_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  try {
    forgedit::miniature::train(arguments);
    return 0;
  } catch (const forgedit::Error& error) {
    std::cerr << "forgedit_miniature_train: " << error.what() << '\n';
    return error.kind() == forgedit::ErrorKind::usage ? 2 : 1;
  }
}
