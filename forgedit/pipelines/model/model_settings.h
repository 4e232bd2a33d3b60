#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/weights/single_file.h"
#include "forgedit/schedulers/ddim.h"

namespace forgedit {

/// Settings that a model's weights were trained with, from the files beside them. Defaults are those of
/// Stable Diffusion 1.x.
struct ModelSettings {
  NoiseScheduleOptions noise;  ///< noise schedule, and what the UNet predicts
  /// No file says what the UNet predicts, as with single-file checkpoints of Stable Diffusion 2.x. The UNet
  /// is then tested, and settle_prediction (model_files.h) takes the result.
  bool prediction_unknown = false;
  TimestepSpacing timestep_spacing = TimestepSpacing::leading;  ///< spacing that the model was made for
  bool zeros_for_empty_prompt = false;  ///< an empty prompt gives zeros, tokens and pooled (XL)
};

// Settings in files beside a model's weights. Those that change what the weights compute are read; an
// unsupported one throws Error that names file, key and both values. The functions return notes for people:
// settings that are known, not used, and worth mentioning.

/// Reads scheduler_config.json of a diffusers folder; does nothing if it does not exist. Its sampler and
/// steps are ignored: the method chooses them (docs/files.md).
std::vector<std::string> read_scheduler_config(const std::filesystem::path& file, ModelSettings& settings);

/// Checks that betas are between 0 and 1 and do not fall. Otherwise calls `reject` with the key of
/// scheduler_config.json and the reason.
void check_betas(const NoiseScheduleOptions& noise,
                 const std::function<void(const char* key, const std::string& message)>& reject);

/// Reads model_index.json, which may be missing: whether an empty prompt gives zeros (the default for XL).
/// Throws Error unless it is a text-to-image pipeline of Stable Diffusion 1.x, 2.x or XL.
void read_model_index(const std::filesystem::path& file, ModelSettings& settings);

/// Returns the settings as a scheduler_config.json of DDIM, with `_class_name` and the settings that the
/// method fixes itself.
nlohmann::json scheduler_json(const ModelSettings& settings);
/// Converts both files to one object, for the metadata of a single-file checkpoint; and back. `origin` is the
/// prefix of errors.
nlohmann::json carried_settings(const ModelSettings& settings);
void read_carried_settings(const std::string& origin, const std::string& text, ModelSettings& settings);

/// Reads what a single-file checkpoint says about itself: in its metadata, by marker tensors, by the noise
/// schedule of its training, and in NAME.yaml beside it. `settings` contains the scheduler's config of
/// another folder, or `prediction_unknown` if none was given.
std::vector<std::string> read_checkpoint_settings(const std::filesystem::path& file,
                                                  const SingleFile& checkpoint, ModelSettings& settings);

/// Returns a note about unknown keys of a network's config.json; empty if there are none. `network`: "unet"
/// or "vae".
std::vector<std::string> note_unknown_settings(const std::filesystem::path& file, const std::string& network);

}  // namespace forgedit
