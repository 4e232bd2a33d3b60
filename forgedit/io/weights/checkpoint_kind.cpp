#include "forgedit/io/weights/checkpoint_kind.h"

#include <torch/torch.h>

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {
namespace {

using Kind = CheckpointKind;

/// A size of one tensor; -1 where it is not there.
std::int64_t size_of(const StateDict& tensors, const std::string& name, std::int64_t dimension) {
  const auto found = tensors.find(name);
  return found == tensors.end() || found->second.dim() <= dimension ? -1 : found->second.size(dimension);
}

bool any_key(const StateDict& tensors, std::initializer_list<const char*> parts) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const auto& item) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const char* part) { return item.first.find(part) != std::string::npos; });
  });
}

/// Families that share the LDM names of Stable Diffusion.
Kind ldm_kind(const StateDict& tensors) {
  const std::string unet = kLdmUnetPrefix;
  if (has_module(tensors, unet + "label_emb.")) {
    return has_module(tensors, "conditioner.embedders.1.") ? Kind::sdxl : Kind::sdxl_refiner;
  }
  // Linear projections around attention, or the other text encoder.
  const auto proj_in = tensors.find(unet + "input_blocks.1.1.proj_in.weight");
  const bool linear = proj_in != tensors.end() && proj_in->second.dim() == 2;
  if (linear || has_module(tensors, "cond_stage_model.model.")) return Kind::sd2;
  switch (size_of(tensors, unet + "input_blocks.0.0.weight", 1)) {
    case 9:
      return Kind::sd1_inpainting;
    case 8:
      return Kind::sd1_instruct;
    default:
      return Kind::sd1;
  }
}

Kind diffusers_unet_kind(const StateDict& tensors) {
  if (has_module(tensors, "add_embedding.")) return Kind::sdxl;
  const bool linear = std::any_of(tensors.begin(), tensors.end(), [](const auto& item) {
    return item.first.find(".proj_in.weight") != std::string::npos && item.second.dim() == 2;
  });
  if (linear) return Kind::sd2;
  return size_of(tensors, "conv_in.weight", 1) == 9 ? Kind::sd1_inpainting : Kind::unet;
}

}  // namespace

CheckpointKind checkpoint_kind(const StateDict& tensors) {
  if (any_key(tensors, {"lora_", ".lora", "hada_w1", "lokr_w"})) return Kind::lora;
  if (any_key(tensors, {"control_model.", "controlnet_", "input_hint_block"})) return Kind::controlnet;
  if (any_key(tensors, {"joint_blocks.0."})) return Kind::sd3;
  if (any_key(tensors, {"double_blocks.0."})) return Kind::flux;
  if (has_module(tensors, std::string(kLdmUnetPrefix) + "input_blocks.")) return ldm_kind(tensors);
  if (any_key(tensors, {"text_decoder."})) return Kind::captioner;
  if (any_key(tensors, {"emb_params"})) return Kind::textual_inversion;
  if (has_module(tensors, "vision_model.")) return Kind::clip;
  if (has_module(tensors, "down_blocks.") && has_module(tensors, "conv_in."))
    return diffusers_unet_kind(tensors);
  const std::string vae = kLdmVaePrefix;
  for (const auto& prefix : {std::string(), vae}) {
    if (has_module(tensors, prefix + "decoder.conv_in.")) return Kind::vae;
  }
  for (const std::string prefix : {"", "text_model.", kLdmClipPrefix}) {
    if (has_module(tensors, prefix + "embeddings.token_embedding.")) return Kind::text_encoder;
  }
  return Kind::unknown;
}

std::string checkpoint_title(CheckpointKind kind) {
  switch (kind) {
    case Kind::sd1:
      return "a Stable Diffusion 1.x checkpoint";
    case Kind::sd1_inpainting:
      return "a Stable Diffusion 1.x inpainting model (9 channels in)";
    case Kind::sd1_instruct:
      return "an InstructPix2Pix model (8 channels in)";
    case Kind::sd2:
      return "a Stable Diffusion 2.x model";
    case Kind::sdxl:
      return "a Stable Diffusion XL model";
    case Kind::sdxl_refiner:
      return "a Stable Diffusion XL refiner";
    case Kind::sd3:
      return "a Stable Diffusion 3 model";
    case Kind::flux:
      return "a Flux model";
    case Kind::lora:
      return "a LoRA";
    case Kind::controlnet:
      return "a ControlNet";
    case Kind::textual_inversion:
      return "a textual inversion embedding";
    case Kind::unet:
      return "a UNet alone";
    case Kind::vae:
      return "a VAE alone";
    case Kind::text_encoder:
      return "a CLIP text encoder alone";
    case Kind::clip:
      return "a CLIP model";
    case Kind::captioner:
      return "a BLIP captioner";
    case Kind::unknown:
      break;
  }
  return "weights of an unknown kind";
}

void require_kind(CheckpointKind kind, CheckpointKind expected, const std::string& origin) {
  if (kind == expected) return;
  throw failure(origin + ": expected " + checkpoint_title(expected) + ", found " + checkpoint_title(kind));
}

}  // namespace forgedit
