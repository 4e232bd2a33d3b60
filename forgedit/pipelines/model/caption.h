#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/models/blip_generate.h"
#include "forgedit/text/wordpiece.h"

namespace forgedit {

/// Loads BlipForConditionalGeneration with its config.json, strictly (see load_state); nothing requires
/// gradients.
BlipForConditionalGeneration load_blip(const std::filesystem::path& directory, const c10::Device& device);

/// Captions pictures: a BLIP model with its tokenizer, on one device.
struct Captioner {
  BlipForConditionalGeneration model{nullptr};
  WordPieceTokenizer tokenizer;
  ModelImageConfig image_config;
  c10::Device device;

  /// Reads a folder as transformers saves it: config.json, the weights (stem `model`), vocab.txt or
  /// tokenizer.json and, where present, preprocessor_config.json.
  static Captioner load(const std::filesystem::path& directory, const c10::Device& device);

  /// The caption, set as people write it (see detokenise). Throws Error when the model has no word for the
  /// picture.
  std::string caption(const Image& image, const CaptionSearch& search = {});
};

inline constexpr std::string_view kPhotoPrefix = "A photo of ";

/// The caption as source prompt: with "A photo of " in front when the target has that in it, as the published
/// code does it, case and all. One source serves all targets, so with several the prefix needs every one of
/// them: a source that says "photo" where the target does not would lead away from photographs.
std::string source_prompt(const std::string& caption, const std::vector<std::string>& targets);

}  // namespace forgedit
