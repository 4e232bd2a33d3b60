#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// A checkpoint of one file, taken apart; names are diffusers'. A part that the file lacks is empty.
struct SingleFile {
  StateDict unet, vae, text_encoder;
  std::map<std::string, std::string> metadata;
  std::size_t ema_copies = 0;          ///< averages of the weights (`model_ema.`), which are not used
  std::size_t schedule_tensors = 0;    ///< noise schedule of the training, which is not used
  std::vector<std::string> not_known;  ///< keys that belong to nothing of Stable Diffusion 1.x
};

/// Reads a Stable Diffusion 1.x checkpoint under LDM names: safetensors or a PyTorch file. Other families and
/// kinds are refused by name.
SingleFile read_single_file(const std::filesystem::path& path);

/// Takes tensors of a checkpoint apart, as above.
SingleFile split_checkpoint(const StateDict& tensors);

/// The VAE of a VAE file (under LDM or diffusers' names) or of a whole checkpoint; and the file's metadata.
StateDict read_vae_file(const std::filesystem::path& path, std::map<std::string, std::string>& metadata);

}  // namespace forgedit
