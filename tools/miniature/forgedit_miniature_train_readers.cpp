// Trains the networks that look at the miniature's pictures: its captioner (BLIP) and its CLIP model. See
// tools/miniature/README.md.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/pipelines/model/model_writer.h"
#include "tools/miniature/check_readers.h"
#include "tools/miniature/held_back.h"
#include "tools/miniature/train_readers.h"
#include "tools/miniature/word_vocabulary.h"

namespace forgedit::miniature {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path pack = ".pack/emoji.pack";
  fs::path held_back = "assets/miniature/held_back.txt";
  fs::path tokenizer = "assets/miniature/model/tokenizer";
  fs::path out;
  std::string device = "auto";
  std::int64_t scenes = 200'000;
  int check = 512;
  TrainOptions clip, captioner;
};

nlohmann::json preparation(const char* type) {
  const ModelImageConfig config;
  const nlohmann::json side = {{"height", kEmojiSide}, {"width", kEmojiSide}};
  nlohmann::json json = {{"image_processor_type", type},
                         {"do_resize", true},
                         {"size", side},
                         {"resample", 3},
                         {"do_rescale", true},
                         {"rescale_factor", config.rescale_factor},
                         {"do_normalize", true},
                         {"image_mean", config.image_mean},
                         {"image_std", config.image_std}};
  return json;
}

void write_reader(const torch::nn::Module& model, const nlohmann::json& config,
                  const nlohmann::json& image_config, const fs::path& directory) {
  make_directory(directory);
  write_component_weights(directory, "model", stored_weights(model, at::kHalf), std::size_t{16} << 20);
  write_file_atomically(directory / "config.json", config.dump(2) + "\n");
  write_file_atomically(directory / "preprocessor_config.json", image_config.dump(2) + "\n");
}

/// (captions, longest) word ids: begin, words, end, then padding.
torch::Tensor word_ids(const std::vector<std::string>& captions, const fs::path& directory) {
  write_word_vocabulary(captions, directory);
  const auto tokenizer = WordPieceTokenizer::from_directory(directory);
  const auto text = blip_config(static_cast<std::int64_t>(tokenizer.vocab_size())).text;
  std::vector<std::vector<std::int64_t>> rows;
  std::size_t longest = 0;
  for (const auto& caption : captions) {
    auto ids = tokenizer.tokenize(caption);
    ids.insert(ids.begin(), text.bos_token_id);
    ids.push_back(text.sep_token_id);
    longest = std::max(longest, ids.size());
    rows.push_back(std::move(ids));
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  auto ids = torch::full({count, static_cast<std::int64_t>(longest)}, text.pad_token_id, torch::kLong);
  for (std::int64_t row = 0; row < count; ++row) {
    const auto& words = rows[static_cast<std::size_t>(row)];
    ids[row].narrow(0, 0, static_cast<std::int64_t>(words.size())).copy_(torch::tensor(words, torch::kLong));
  }
  return ids;
}

void train(const Arguments& a) {
  auto pack = read_pack(a.pack);
  hold_back(pack, a.held_back);
  ComputePolicy policy;
  policy.device = parse_device(a.device);
  const auto& device = policy.device;
  prepare_compute(policy);
  const auto tokenizer = ClipTokenizer::from_directory(a.tokenizer);
  const CaptionTable captions(pack, tokenizer);
  const PicturePool pool(pack, captions, a.scenes, device, a.clip.seed);
  spdlog::info("{} scenes drawn", a.scenes);

  if (a.clip.seconds > 0) {
    ClipModel clip(clip_config(static_cast<std::int64_t>(tokenizer.vocab_size())));
    initialise(*clip, 4);
    clip->to(device);
    train_clip(clip, pool, captions.ids(), device, a.clip);
    write_reader(*clip, clip->config().to_json(), preparation("CLIPImageProcessor"), a.out / "clip");
    copy_tokenizer({a.tokenizer, {}}, a.out / "clip");
    ClipScorer scorer(a.out / "clip", device);
    const auto ranks = check_clip(scorer, pack, a.check, 7);
    spdlog::info("clip: the true caption first among 100 for {:.1f} % ({:.1f} % among the nearest) of {}",
                 100 * ranks.random, 100 * ranks.near, a.check);
  }
  if (a.captioner.seconds > 0) {
    std::vector<std::string> texts;
    for (std::size_t entry = 0; entry < pack.entries.size(); ++entry) {
      for (std::size_t colour = 0; colour < kBackgrounds.size(); ++colour) {
        texts.push_back(caption(pack, entry, colour));
      }
    }
    const auto ids = word_ids(texts, a.out / "captioner");
    const auto vocabulary = WordPieceTokenizer::from_directory(a.out / "captioner").vocab_size();
    BlipForConditionalGeneration blip(blip_config(static_cast<std::int64_t>(vocabulary)));
    initialise(*blip, 5);
    blip->to(device);
    train_captioner(blip, pool, ids, device, a.captioner);
    write_reader(*blip, blip->config().to_json(), preparation("BlipImageProcessor"), a.out / "captioner");
    auto captioner = Captioner::load(a.out / "captioner", device);
    const auto check = check_captioner(captioner, pack, a.check, 7);
    spdlog::info(
        "captioner: {:.1f} % word for word (subject {:.1f}, attribute {:.1f}, background {:.1f}) of {}",
        100 * check.all, 100 * check.subject, 100 * check.attribute, 100 * check.background, a.check);
  }
}

void add_options(CLI::App& app, Arguments& a) {
  app.add_option("--pack", a.pack, "training pack")->capture_default_str();
  app.add_option("--held-back", a.held_back, "list of what is not trained on")->capture_default_str();
  app.add_option("--tokenizer", a.tokenizer, "folder of the miniature's CLIP tokenizer")
      ->capture_default_str();
  app.add_option("--out", a.out, "folder to write clip/ and captioner/ into")->required();
  app.add_option("--device", a.device, "auto, cpu or cuda[:n]")->capture_default_str();
  app.add_option("--scenes", a.scenes, "scenes to draw")->capture_default_str();
  app.add_option("--check", a.check, "held-back pictures to check on")->capture_default_str();
  for (auto& [prefix, o] :
       {std::pair<std::string, TrainOptions&>{"--clip-", a.clip}, {"--captioner-", a.captioner}}) {
    app.add_option(prefix + "seconds", o.seconds, "training time; 0: not at all")->capture_default_str();
    app.add_option(prefix + "batch", o.batch, "samples a step")->capture_default_str();
    app.add_option(prefix + "lr", o.lr_first, "learning rate after the warm-up")->capture_default_str();
    app.add_option(prefix + "ema", o.ema_decay, "decay of the weights' average")->capture_default_str();
  }
}

}  // namespace
}  // namespace forgedit::miniature

int main(int argc, char** argv) {
  CLI::App app{"Trains the miniature's captioner and CLIP model and checks them on held-back pictures."};
  forgedit::miniature::Arguments arguments;
  for (auto* options : {&arguments.clip, &arguments.captioner}) {
    options->batch = 2048;
    options->lr_first = 1e-3;
  }
  forgedit::miniature::add_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  try {
    forgedit::miniature::train(arguments);
    return 0;
  } catch (const forgedit::Error& error) {
    std::cerr << "forgedit_miniature_train_readers: " << error.what() << '\n';
    return error.kind() == forgedit::ErrorKind::usage ? 2 : 1;
  }
}
