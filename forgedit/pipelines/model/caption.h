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
  /// tokenizer.json and, if present, preprocessor_config.json.
  static Captioner load(const std::filesystem::path& directory, const c10::Device& device);

  /// Returns the caption, detokenised (see detokenise). Throws Error if the model generates no word.
  std::string caption(const Image& image, const CaptionSearch& search = {});
};

inline constexpr std::string_view kPhotoPrefix = "A photo of ";

/// Returns the caption as source prompt. "A photo of " is put in front if all targets contain it (with the
/// same case), as in the published code, which has one target. A source that says "photo" where a target does
/// not would lead away from photographs.
std::string source_prompt(const std::string& caption, const std::vector<std::string>& targets);

}  // namespace forgedit
