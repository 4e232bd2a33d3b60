#pragma once

#include <filesystem>
#include <string>

#include "forgedit/core/stop.h"
#include "forgedit/io/pictures/frame.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/pipelines/learning/learn.h"

namespace forgedit {

/// A picture and the settings of its fine-tuning, as known before it starts.
struct PictureToLearn {
  std::string picture_name;      ///< file name of the original, without folders
  std::string source;            ///< the source prompt; imagic: the target prompt
  std::string base_name;         ///< the base model's folder name, for people
  std::string base_fingerprint;  ///< StableDiffusion::base_fingerprint of the base model
  int fingerprint_method = StableDiffusion::kFingerprintMethod;  ///< the version of that fingerprint
  std::string software;    ///< the program that learned it, for example "forgedit 1.2"
  std::string background;  ///< background colour for transparent pictures: "#ffffff"
  bool stretched = false;  ///< the picture was stretched to a given size, not scaled with its aspect ratio
  std::string memory;      ///< the memory plan of fine-tuning, as `describe` returns it; empty: none
  std::string precision;   ///< "fp32" or "bf16"; empty: saved by a version that did not store it
  /// What the base model predicts.
  PredictionType prediction = PredictionType::epsilon;
  LearnOptions options;
  Frame frame;
  Image grid;  ///< the original as the model saw it: grid_width x grid_height
};

/// A picture with its learned weights: everything that edits need besides the base model.
struct LearnedPicture : PictureToLearn {
  LearnResult result;
};

/// Whether fine-tuning also trains the text encoder.
inline bool learns_text_encoder(const PictureToLearn& picture) {
  return picture.options.method == LearnMethod::dreambooth;
}

// A saved edit is a folder that contains only what fine-tuning changed:
//   learned.json              format, prompts, options, losses, base model, frame, hashes of the other files
//   unet.safetensors          the learned UNet parameters, float32
//   lora.safetensors          with LoRA adapters, instead of unet.safetensors: LearnResult::lora
//   text_encoder.safetensors  dreambooth: the learned parameters of the text encoder, float32
//   embedding.safetensors     the learned source embedding: `embedding`, and `pooled` if the model has one
//   original.png              the picture as the model saw it
// It does not contain interpolation or strategy: all of them can be used with each saved edit.

/// Whether the folder contains a complete saved edit.
bool is_saved_edit(const std::filesystem::path& directory);

/// Whether fine-tuning on both gives the same weights, bit for bit: everything except names and software must
/// be equal.
bool learns_the_same(const PictureToLearn& one, const PictureToLearn& other);

/// Throws a usage Error if a saved edit may not be written there: on a file, or in a folder that contains
/// anything but a saved edit.
void check_saved_edit_target(const std::filesystem::path& directory);

/// Writes the folder, or replaces the saved edit in it. The new one is written beside the old one and
/// exchanged when it is complete: a kill leaves the old or the new one. If it may not be written
/// (check_saved_edit_target), it is written beside `directory`, and the failure names that folder. Once
/// `stop` is set, it throws Cancelled and leaves the old one.
void write_saved_edit(const std::filesystem::path& directory, const LearnedPicture& learned,
                      const StopFlag* stop = nullptr);

/// Describes the difference between the saved edit in `directory` and the one that `wanted` would give, for
/// example "with the source "a dog""; empty when it is the same. Pictures are compared by their pixels, not
/// by their names. Empty members of `wanted` (source, base_fingerprint, grid) are not compared.
std::string saved_difference(const std::filesystem::path& directory, const PictureToLearn& wanted);

/// Returns a stamp of the files of a saved edit, from the record and the file times: it changes if any of
/// them may have changed. Throws a failure if there is no saved edit.
std::string saved_edit_stamp(const std::filesystem::path& directory);

/// Reads only the record of a saved edit: no tensors, no picture.
LearnedPicture read_saved_record(const std::filesystem::path& directory);

/// Reads and checks the folder; tensors stay on the CPU. Throws Error naming file and key.
LearnedPicture read_saved_edit(const std::filesystem::path& directory);

/// The names of an embedding's tensors in embedding.safetensors.
inline constexpr const char *kEmbeddingTokens = "embedding", *kEmbeddingPooled = "pooled";

/// Returns the tensors of an embedding by their names in files, float32.
StateDict embedding_tensors(const TextEmbedding& embedding);

}  // namespace forgedit
