#pragma once

#include <filesystem>
#include <string>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/pipelines/learning/learn.h"

namespace forgedit {

/// All that is known of a picture and of how it is learned, before it is.
struct PictureToLearn {
  std::string picture_name;      ///< file name of the original, without folders
  std::string source;            ///< the source prompt; imagic: the target that learning started from
  std::string base_name;         ///< the base model's folder name, for people
  std::string base_fingerprint;  ///< StableDiffusion::base_fingerprint of the base model
  int fingerprint_method = StableDiffusion::kFingerprintMethod;  ///< how that was taken
  std::string software;    ///< what learned it, for example "forgedit 1.2"
  std::string background;  ///< colour laid under a transparent picture: "#ffffff"
  bool stretched = false;  ///< to a size that was asked for, instead of keeping its shape
  std::string memory;      ///< how memory was saved meanwhile, as `describe` says it; empty: not at all
  std::string precision;   ///< "fp32" or "bf16"; empty: saved by a version that did not say it
  /// What the base model predicts.
  PredictionType prediction = PredictionType::epsilon;
  LearnOptions options;
  Frame frame;
  Image grid;  ///< the original as the model saw it: grid_width x grid_height
};

/// A picture that was learned: all that edits of it need, beside the base model.
struct LearnedPicture : PictureToLearn {
  LearnResult result;
};

// A saved edit is a folder with only what learning changed:
//   learned.json              format, prompts, options, losses, base model, frame, hashes of the other files
//   unet.safetensors          the learned UNet parameters, float32
//   lora.safetensors          instead of that where adapters learned: LearnResult::lora
//   text_encoder.safetensors  dreambooth: the learned parameters of the text encoder, float32
//   embedding.safetensors     the learned source embedding: `embedding`, and `pooled` where the model has one
//   original.png              the picture as the model saw it
// What is drawn from it (interpolation, strategy) is no part of it: each saved edit serves all.

/// Whether a finished saved edit lies there.
bool is_saved_edit(const std::filesystem::path& directory);

/// Whether learning either gives the same weights, bit for bit: all that is known but names and software is
/// equal.
bool learns_the_same(const PictureToLearn& one, const PictureToLearn& other);

/// Throws a usage Error where a saved edit may not be written: on a file, or in a folder that holds something
/// other than a saved edit.
void check_saved_edit_target(const std::filesystem::path& directory);

/// Writes the folder, or puts it into the place of a saved edit that was there. It is made beside that and
/// exchanged when it is complete: a kill leaves the old or the new one. Where it may not be written
/// (check_saved_edit_target), it is written beside `directory`, and the failure says where.
void write_saved_edit(const std::filesystem::path& directory, const LearnedPicture& learned);

/// How what is saved in `directory` differs from what `wanted` would be after learning, for example "with the
/// source "a dog""; empty when it is the same. The picture counts by its pixels, not by its name. What is not
/// known yet of `wanted` (empty source, base_fingerprint or grid) is not compared.
std::string saved_difference(const std::filesystem::path& directory, const PictureToLearn& wanted);

/// Stands for the files of a saved edit as they are now, without reading more than the record: another stamp
/// where any of them may have changed. Throws a failure where there is no saved edit.
std::string saved_edit_stamp(const std::filesystem::path& directory);

/// Reads only what is said about a saved edit: no tensors, no picture.
LearnedPicture read_saved_record(const std::filesystem::path& directory);

/// Reads and checks the folder; tensors stay on the CPU. Throws Error naming file and key.
LearnedPicture read_saved_edit(const std::filesystem::path& directory);

/// An embedding's tensors by the names that they have in files, float32.
StateDict embedding_tensors(const TextEmbedding& embedding);

/// Moves what was learned to the model's device and layout. Throws a usage Error when it was learned on
/// another base model; `name` stands for the saved edit in messages.
void attach_to_model(LearnedPicture& learned, const StableDiffusion& model, const std::string& name);

}  // namespace forgedit
