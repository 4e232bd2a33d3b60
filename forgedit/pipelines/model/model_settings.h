#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/weights/single_file.h"
#include "forgedit/schedulers/ddim.h"

namespace forgedit {

/// What a model's weights were trained to compute, as the files beside them say. Defaults are those of Stable
/// Diffusion 1.x.
struct ModelSettings {
  NoiseScheduleOptions noise;  ///< and what the UNet predicts of it
  /// No file says what the UNet predicts, as with checkpoints of one file of Stable Diffusion 2.x: the UNet
  /// has to be asked, and settle_prediction (model_files.h) takes the answer.
  bool prediction_unknown = false;
  TimestepSpacing timestep_spacing = TimestepSpacing::leading;  ///< that the model was made for
  bool zeros_for_empty_prompt = false;  ///< an empty prompt is zeros, tokens and pooled (XL)
};

// Settings that stand beside a model's weights. Those that change what the weights compute are read; what is
// not supported is an Error that names file, key and both values. What is returned are notes for people:
// settings that are known, not used, and worth a word.

/// scheduler_config.json of a diffusers folder; a file that is not there says nothing. Which sampler it
/// names, and with which steps, is the choice of the method (docs/files.md).
std::vector<std::string> read_scheduler_config(const std::filesystem::path& file, ModelSettings& settings);

/// Calls `reject` with the key of scheduler_config.json and what is wrong with it unless betas can begin and
/// end so: between 0 and 1, and not falling.
void check_betas(const NoiseScheduleOptions& noise,
                 const std::function<void(const char* key, const std::string& message)>& reject);

/// model_index.json: only pipelines from text of Stable Diffusion 1.x, 2.x and XL; and whether an empty
/// prompt is zeros, which is the default for XL. May not exist.
void read_model_index(const std::filesystem::path& file, ModelSettings& settings);

/// The settings as a scheduler_config.json of DDIM has them (`_class_name` and all that the method settles
/// itself included).
nlohmann::json scheduler_json(const ModelSettings& settings);
/// Both files as one object, for the metadata of a checkpoint of one file; and back. `origin` stands in front
/// of errors.
nlohmann::json carried_settings(const ModelSettings& settings);
void read_carried_settings(const std::string& origin, const std::string& text, ModelSettings& settings);

/// What a checkpoint of one file says about itself: in its metadata, by tensors that are marks, by the noise
/// schedule of its training, and in a NAME.yaml beside it. `settings` has what the scheduler's config of
/// another folder says, or `prediction_unknown` where none was named.
std::vector<std::string> read_checkpoint_settings(const std::filesystem::path& file,
                                                  const SingleFile& checkpoint, ModelSettings& settings);

/// A note about keys of a network's config.json that this project knows nothing about; nothing where there
/// are none. `network`: "unet" or "vae".
std::vector<std::string> note_unknown_settings(const std::filesystem::path& file, const std::string& network);

}  // namespace forgedit
