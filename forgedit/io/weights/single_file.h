#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/checkpoint_kind.h"

namespace forgedit {

/// A checkpoint of one file, taken apart; names are diffusers'. A part that the file lacks is empty.
struct SingleFile {
  CheckpointKind kind = CheckpointKind::sd1;  ///< sd1, sd2 or sdxl
  StateDict unet, vae, text_encoder;
  StateDict text_encoder_2;  ///< of sdxl
  std::map<std::string, std::string> metadata;
  std::size_t ema_copies = 0;       ///< averages of the weights (`model_ema.`), which are not used
  StateDict schedule;               ///< noise schedule of the training, by LDM's names
  std::vector<std::string> marks;   ///< tensors whose names alone say something: `v_pred`, `ztsnr`
  std::vector<std::string> unused;  ///< keys that belong to nothing that Stable Diffusion uses
};

/// Reads a checkpoint of Stable Diffusion 1.x, 2.x or XL under LDM, OpenCLIP and SGM names: safetensors or a
/// PyTorch file. Other families and kinds are recognised and rejected.
SingleFile read_single_file(const std::filesystem::path& path);

/// Takes tensors of a checkpoint apart, as above; what is of no supported family is taken for sd1.
SingleFile split_checkpoint(const StateDict& tensors);

/// The tensors of one file again, under the names that other programs read: the networks and the marks.
StateDict join_checkpoint(const SingleFile& file);

/// The VAE of a VAE file (under LDM or diffusers' names) or of a whole checkpoint; and the file's metadata.
/// `unused` gets the names of what training left beside it.
StateDict read_vae_file(const std::filesystem::path& path, std::map<std::string, std::string>& metadata,
                        std::vector<std::string>& unused);

}  // namespace forgedit
