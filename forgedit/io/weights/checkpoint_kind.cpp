#include "forgedit/io/weights/checkpoint_kind.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {
namespace {

using Kind = CheckpointKind;

/// One dimension of a tensor; -1 if there is no such tensor.
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

/// Recognises models whose noise is parameterised by sigmas.
std::optional<Kind> edm_kind(const StateDict& tensors) {
  if (tensors.count("edm_vpred.sigma_max") > 0) return Kind::cosxl;
  if (tensors.count("edm_mean") > 0 || tensors.count("edm_std") > 0) return Kind::playground;
  return has_module(tensors, "edm_") ? std::optional(Kind::edm) : std::nullopt;
}

Kind sdxl_kind(const StateDict& tensors, std::int64_t channels) {
  // The refiner's only text encoder has OpenCLIP's names, unlike XL's first one. Its first convolution is
  // wider.
  const bool refiner = has_module(tensors, "conditioner.embedders.0.model.") ||
                       size_of(tensors, std::string(kLdmUnetPrefix) + "input_blocks.0.0.weight", 0) == 384;
  if (refiner) return Kind::sdxl_refiner;
  return channels == 9 ? Kind::sdxl_inpainting : channels == 8 ? Kind::sdxl_instruct : Kind::sdxl;
}

Kind sd2_kind(std::int64_t channels) {
  switch (channels) {
    case 9:
      return Kind::sd2_inpainting;
    case 8:
      return Kind::sd2_instruct;
    case 5:
      return Kind::sd2_depth;
    default:
      return Kind::sd2;
  }
}

/// Distinguishes the families that use the LDM names of Stable Diffusion.
Kind ldm_kind(const StateDict& tensors) {
  if (const auto edm = edm_kind(tensors)) return *edm;
  const std::string unet = kLdmUnetPrefix;
  const auto channels = size_of(tensors, unet + "input_blocks.0.0.weight", 1);
  const bool openclip = has_module(tensors, kOpenClipPrefix);
  if (has_module(tensors, unet + "label_emb.")) {
    return openclip ? Kind::sd2_unclip : sdxl_kind(tensors, channels);
  }
  // Linear projections around attention, or OpenCLIP's text encoder, mean 2.x.
  const auto proj_in = tensors.find(unet + "input_blocks.1.1.proj_in.weight");
  const bool linear = proj_in != tensors.end() && proj_in->second.dim() == 2;
  if (linear || openclip) return sd2_kind(channels);
  return channels == 9 ? Kind::sd1_inpainting : channels == 8 ? Kind::sd1_instruct : Kind::sd1;
}

Kind diffusers_unet_kind(const StateDict& tensors) {
  if (size_of(tensors, "conv_in.weight", 1) != 9) return Kind::unet;
  switch (unet_family(tensors)) {
    case Kind::sdxl:
      return Kind::sdxl_inpainting;
    case Kind::sd2:
      return Kind::sd2_inpainting;
    default:
      return Kind::sd1_inpainting;
  }
}

struct KindTitle {
  Kind kind;
  const char* title;
};
constexpr KindTitle kTitles[] = {
    {Kind::sd1, "a Stable Diffusion 1.x checkpoint"},
    {Kind::sd1_inpainting, "a Stable Diffusion 1.x inpainting model (9 channels in)"},
    {Kind::sd1_instruct, "an InstructPix2Pix model (8 channels in)"},
    {Kind::sd2, "a Stable Diffusion 2.x checkpoint"},
    {Kind::sd2_inpainting, "a Stable Diffusion 2.x inpainting model (9 channels in)"},
    {Kind::sd2_instruct, "a Stable Diffusion 2.x instruction model (8 channels in)"},
    {Kind::sd2_depth, "a Stable Diffusion 2.x depth model (5 channels in)"},
    {Kind::sd2_unclip, "a Stable Diffusion 2.x unCLIP model (it takes the embedding of a picture)"},
    {Kind::sdxl, "a Stable Diffusion XL checkpoint"},
    {Kind::sdxl_inpainting, "a Stable Diffusion XL inpainting model (9 channels in)"},
    {Kind::sdxl_instruct, "a Stable Diffusion XL instruction model (8 channels in)"},
    {Kind::sdxl_refiner, "a Stable Diffusion XL refiner"},
    {Kind::cosxl, "a CosXL model (edm_vpred.sigma_max: its noise is described by sigmas)"},
    {Kind::playground, "a Playground v2.5 model (edm_mean, edm_std: its noise is described by sigmas)"},
    {Kind::edm, "an EDM model (its noise is described by sigmas)"},
    {Kind::sd3, "a Stable Diffusion 3 model"},
    {Kind::flux, "a Flux model"},
    {Kind::lora, "a LoRA"},
    {Kind::controlnet, "a ControlNet"},
    {Kind::textual_inversion, "a textual inversion embedding"},
    {Kind::unet, "a UNet alone"},
    {Kind::vae, "a VAE alone"},
    {Kind::text_encoder, "a CLIP text encoder alone"},
    {Kind::clip, "a CLIP model"},
    {Kind::captioner, "a BLIP captioner"},
    {Kind::unknown, "weights of an unknown kind"},
};

}  // namespace

CheckpointKind checkpoint_kind(const StateDict& tensors) {
  if (any_key(tensors, {"lora_", ".lora", "_lora.", "hada_w1", "lokr_w"})) return Kind::lora;
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

CheckpointKind unet_family(const StateDict& unet) {
  if (has_module(unet, "add_embedding.")) return Kind::sdxl;
  const bool linear = std::any_of(unet.begin(), unet.end(), [](const auto& item) {
    return item.first.find(".proj_in.weight") != std::string::npos && item.second.dim() == 2;
  });
  return linear ? Kind::sd2 : Kind::sd1;
}

std::string checkpoint_title(CheckpointKind kind) {
  const auto found =
      std::find_if(std::begin(kTitles), std::end(kTitles), [&](const auto& row) { return row.kind == kind; });
  return found->title;
}

bool is_stable_diffusion(CheckpointKind kind) {
  return kind == Kind::sd1 || kind == Kind::sd2 || kind == Kind::sdxl;
}

bool has_second_text_encoder(CheckpointKind kind) {
  return kind == Kind::sdxl;
}

void require_kind(CheckpointKind kind, CheckpointKind expected, const std::string& origin) {
  if (kind == expected) return;
  throw failure(origin + ": expected " + checkpoint_title(expected) + ", found " + checkpoint_title(kind));
}

void require_stable_diffusion(CheckpointKind kind, const std::string& origin) {
  if (is_stable_diffusion(kind)) return;
  throw failure(origin + ": expected a Stable Diffusion 1.x, 2.x or XL checkpoint, found " +
                checkpoint_title(kind));
}

}  // namespace forgedit
