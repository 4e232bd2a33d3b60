#include "forgedit/pipelines/model/caption.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/models/load_network.h"
#include "forgedit/text/detokenise.h"

namespace forgedit {

namespace fs = std::filesystem;

BlipForConditionalGeneration load_blip(const fs::path& directory, const c10::Device& device) {
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such captioner folder");
  const auto file = directory / "config.json";
  auto config = BlipConfig::from_json(read_json_object(file), file.string());
  const auto state = normalise_blip_keys(read_component_weights(directory, "model"));
  config.text.tie_word_embeddings = state.count("text_decoder.cls.predictions.decoder.weight") == 0;
  auto model = load_network<BlipForConditionalGeneration>(config, state, directory.string());
  model->to(device);
  return model;
}

Captioner Captioner::load(const fs::path& directory, const c10::Device& device) {
  auto model = load_blip(directory, device);
  auto tokenizer = WordPieceTokenizer::from_directory(directory);
  const auto& config = model->config();
  if (static_cast<std::int64_t>(tokenizer.vocab_size()) > config.text.vocab_size) {
    throw failure(directory.string() + ": the vocabulary has " + std::to_string(tokenizer.vocab_size()) +
                  " tokens, but the model knows " + std::to_string(config.text.vocab_size));
  }
  const auto side = static_cast<int>(config.vision.image_size);
  auto image_config = read_model_image_config(directory, ModelImageConfig::blip(side));
  const bool cropped = image_config.crop_width > 0;
  const int width = cropped ? image_config.crop_width : image_config.width;
  const int height = cropped ? image_config.crop_height : image_config.height;
  if (width != side || height != side) {
    throw failure((directory / "preprocessor_config.json").string() + ": size: expected " +
                  std::to_string(side) + "x" + std::to_string(side) + " as the model sees");
  }
  return {std::move(model), std::move(tokenizer), image_config, device};
}

std::string Captioner::caption(const Image& image, const CaptionSearch& search) {
  torch::NoGradGuard no_grad;
  const auto pixels = model_image(image, image_config).unsqueeze(0).to(device);
  auto text = detokenise(tokenizer.words(generate_caption(model, model->encode_image(pixels), search)));
  if (text.empty()) throw failure("the captioner wrote no caption for the picture");
  return text;
}

std::string source_prompt(const std::string& caption, const std::vector<std::string>& targets) {
  const bool prefix = !targets.empty() && std::all_of(targets.begin(), targets.end(), [](const auto& target) {
    return target.find(kPhotoPrefix) != std::string::npos;
  });
  return prefix ? std::string(kPhotoPrefix) + caption : caption;
}

}  // namespace forgedit
