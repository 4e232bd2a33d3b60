#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/io/weights/single_file.h"

namespace forgedit {

// Settings that stand beside a model's weights. Those that change what the weights compute must be Stable
// Diffusion 1.x's: it predicts the noise (epsilon) under one noise schedule. Everything else is an Error that
// names file, key and both values. What is returned are notes for people: settings that are known, not used,
// and worth a word.

/// scheduler_config.json of a diffusers folder; a file that is not there says nothing. Which sampler it
/// names, and with which steps, is the choice of the method (docs/files.md).
std::vector<std::string> check_scheduler_config(const std::filesystem::path& file);

/// model_index.json: only pipelines of Stable Diffusion 1.x's own networks. May not exist.
void check_model_index(const std::filesystem::path& file);

/// What a checkpoint of one file says about itself: in its metadata, by tensors that are marks, by the noise
/// schedule of its training, and in a NAME.yaml beside it.
std::vector<std::string> check_checkpoint_settings(const std::filesystem::path& file,
                                                   const SingleFile& checkpoint);

/// A note about keys of a network's config.json that this project knows nothing about; nothing where there
/// are none. `network`: "unet" or "vae".
std::vector<std::string> note_unknown_settings(const std::filesystem::path& file, const std::string& network);

}  // namespace forgedit
