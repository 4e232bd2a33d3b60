#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/checkpoint_kind.h"

namespace forgedit {

/// The parts of a single-file checkpoint, with diffusers' names. A part that the file lacks is empty.
struct SingleFile {
  CheckpointKind kind = CheckpointKind::sd1;  ///< sd1, sd2 or sdxl
  StateDict unet, vae, text_encoder;
  StateDict text_encoder_2;  ///< only sdxl
  std::map<std::string, std::string> metadata;
  std::size_t ema_copies = 0;       ///< averaged weights (`model_ema.`), which are ignored
  StateDict schedule;               ///< noise schedule of the training, with LDM's names
  std::vector<std::string> marks;   ///< tensors that have a meaning by their names: `v_pred`, `ztsnr`
  std::vector<std::string> unused;  ///< keys that Stable Diffusion does not use
};

/// Reads a checkpoint of Stable Diffusion 1.x, 2.x or XL with LDM, OpenCLIP and SGM names, from a safetensors
/// or PyTorch file. Throws a failure that names the family and kind of other checkpoints.
SingleFile read_single_file(const std::filesystem::path& path);

/// Splits the tensors of a checkpoint in memory. Tensors of no supported family are treated as sd1.
SingleFile split_checkpoint(const StateDict& tensors);

/// Joins the networks and the marks into the tensors of one file, with the names that other programs read.
StateDict join_checkpoint(const SingleFile& file);

/// Reads the VAE and the metadata of a VAE file (with LDM or diffusers' names) or of a whole checkpoint.
/// `unused` receives the names of leftovers of training.
StateDict read_vae_file(const std::filesystem::path& path, std::map<std::string, std::string>& metadata,
                        std::vector<std::string>& unused);

}  // namespace forgedit
