#pragma once

#include <string>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// What a file of weights is, determined by the names and shapes of its tensors.
enum class CheckpointKind {
  sd1,              ///< Stable Diffusion 1.x, one file under LDM names
  sd1_inpainting,   ///< 9 input channels
  sd1_instruct,     ///< 8 input channels: InstructPix2Pix
  sd2,              ///< Stable Diffusion 2.x, one file under LDM and OpenCLIP names
  sd2_inpainting,   ///< 9 input channels
  sd2_instruct,     ///< 8 input channels
  sd2_depth,        ///< 5 input channels
  sd2_unclip,       ///< takes the embedding of a picture
  sdxl,             ///< Stable Diffusion XL, one file under SGM names
  sdxl_inpainting,  ///< 9 input channels
  sdxl_instruct,    ///< 8 input channels
  sdxl_refiner,
  cosxl,       ///< XL whose noise is described by sigmas: `edm_vpred.sigma_max`
  playground,  ///< the same: Playground v2.5, `edm_mean` and `edm_std`
  edm,         ///< the same: other marks that begin with `edm_`
  sd3,
  flux,
  lora,
  controlnet,
  textual_inversion,
  unet,          ///< a UNet alone, under diffusers' names
  vae,           ///< a VAE alone, under LDM or diffusers' names
  text_encoder,  ///< CLIP's text model alone
  clip,          ///< CLIP's two towers
  captioner,     ///< BLIP
  unknown
};

CheckpointKind checkpoint_kind(const StateDict& tensors);

/// Whether a UNet under diffusers' names is one of Stable Diffusion 2.x or XL; sd1 for all others.
CheckpointKind unet_family(const StateDict& unet);

/// For people: "a LoRA", "a Stable Diffusion 2.x checkpoint", …
std::string checkpoint_title(CheckpointKind kind);

/// Whether it is a whole checkpoint of a family that is supported: sd1, sd2 or sdxl.
bool is_stable_diffusion(CheckpointKind kind);
/// Whether the family's prompts go through two text encoders.
bool has_second_text_encoder(CheckpointKind kind);

/// Throw a failure that starts with `origin` and names what it is instead: unless the kind is `expected`,
/// unless it is_stable_diffusion.
void require_kind(CheckpointKind kind, CheckpointKind expected, const std::string& origin);
void require_stable_diffusion(CheckpointKind kind, const std::string& origin);

}  // namespace forgedit
