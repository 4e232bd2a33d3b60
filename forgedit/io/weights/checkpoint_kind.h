#pragma once

#include <string>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// The kind of a weights file, determined by the names and shapes of its tensors.
enum class CheckpointKind {
  sd1,              ///< Stable Diffusion 1.x, one file under LDM names
  sd1_inpainting,   ///< 9 input channels
  sd1_instruct,     ///< 8 input channels: InstructPix2Pix
  sd2,              ///< Stable Diffusion 2.x, one file under LDM and OpenCLIP names
  sd2_inpainting,   ///< 9 input channels
  sd2_instruct,     ///< 8 input channels
  sd2_depth,        ///< 5 input channels
  sd2_unclip,       ///< is conditioned on the embedding of a picture
  sdxl,             ///< Stable Diffusion XL, one file under SGM names
  sdxl_inpainting,  ///< 9 input channels
  sdxl_instruct,    ///< 8 input channels
  sdxl_refiner,
  cosxl,       ///< XL with noise parameterised by sigmas: `edm_vpred.sigma_max`
  playground,  ///< Playground v2.5, also with sigmas: `edm_mean` and `edm_std`
  edm,         ///< another model with sigmas: other names that begin with `edm_`
  sd3,
  flux,
  lora,
  controlnet,
  textual_inversion,
  unet,          ///< a UNet alone, with diffusers' names
  vae,           ///< a VAE alone, with LDM or diffusers' names
  text_encoder,  ///< CLIP's text encoder alone
  clip,          ///< CLIP with both encoders
  captioner,     ///< BLIP
  unknown
};

CheckpointKind checkpoint_kind(const StateDict& tensors);

/// The family (sd1, sd2 or sdxl) of a UNet with diffusers' names; sd1 if it is neither 2.x nor XL.
CheckpointKind unet_family(const StateDict& unet);

/// Returns a name for messages: "a LoRA", "a Stable Diffusion 2.x checkpoint", …
std::string checkpoint_title(CheckpointKind kind);

/// Whether the file is a whole checkpoint of a supported family: sd1, sd2 or sdxl.
bool is_stable_diffusion(CheckpointKind kind);
/// Whether models of this family have two text encoders.
bool has_second_text_encoder(CheckpointKind kind);

/// require_kind throws a failure unless `kind` is `expected`; require_stable_diffusion throws one unless
/// is_stable_diffusion(kind). The message begins with `origin` and names the actual kind.
void require_kind(CheckpointKind kind, CheckpointKind expected, const std::string& origin);
void require_stable_diffusion(CheckpointKind kind, const std::string& origin);

}  // namespace forgedit
