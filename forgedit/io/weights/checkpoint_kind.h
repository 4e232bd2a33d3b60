#pragma once

#include <string>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// What a file of weights is, told by the names and shapes of its tensors.
enum class CheckpointKind {
  sd1,             ///< Stable Diffusion 1.x, one file under LDM names
  sd1_inpainting,  ///< 9 input channels
  sd1_instruct,    ///< 8 input channels: InstructPix2Pix
  sd2,
  sdxl,
  sdxl_refiner,
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

/// For people: "a LoRA", "Stable Diffusion 2.x", …
std::string checkpoint_title(CheckpointKind kind);

/// Throws a failure that starts with `origin` unless the kind is `expected`: names what it is instead.
void require_kind(CheckpointKind kind, CheckpointKind expected, const std::string& origin);

}  // namespace forgedit
