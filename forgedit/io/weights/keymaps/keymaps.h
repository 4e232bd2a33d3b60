#pragma once

#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// Names of tensors in a file that a network does not use. A function that takes such a list appends the
/// names that it dropped.
using UnusedNames = std::vector<std::string>;

/// Whether a tensor of this name is a leftover of training: losses, averages, optimizers, counters.
bool is_training_leftover(const std::string& name);
/// Whether a tensor of this name belongs to a whole CLIP but not to its text encoder: projections, image
/// encoder, logit scale.
bool is_clip_output(const std::string& name);
StateDict without_leftovers(const StateDict& state, UnusedNames* unused = nullptr);

/// Converts the names of transformers' CLIP text model, alone or in a whole CLIP, to those of ClipTextModel.
/// Drops the `text_model.` prefix of published files, the `position_ids` buffer, and all tensors that the
/// text encoder does not use. With `projection`, the network is a CLIPTextModelWithProjection and keeps
/// `text_projection.weight`.
StateDict normalise_clip_text_keys(const StateDict& state, UnusedNames* unused = nullptr,
                                   bool projection = false);

/// Converts to the published names (`text_model.` before all except `text_projection`), which every loader
/// accepts.
StateDict published_clip_text_keys(const StateDict& state);

/// Converts the names of transformers' BlipForConditionalGeneration. Drops `position_ids` and second names of
/// tied weights. Keeps the output projection (`decoder.weight`) if it has its own values.
StateDict normalise_blip_keys(const StateDict& state);

/// Converts the names of AutoencoderKL: attention saved as query/key/value/proj_attn (before diffusers 0.18)
/// gets its present names. Drops leftovers of training.
StateDict normalise_vae_keys(const StateDict& state, UnusedNames* unused = nullptr);

/// Converts the names of CLIPModel of transformers. Drops the `position_ids` buffers of published files.
StateDict normalise_clip_keys(const StateDict& state);

/// Converts the names of LPIPS. Drops torchvision's classifier and the lpips package's constants. The names
/// of a saved lpips.LPIPS (`net.sliceK.N`, `lins.K`) become `features.N` and `linK`.
StateDict normalise_lpips_keys(const StateDict& state);

// LDM names are those of the original Stable Diffusion code, used by single-file checkpoints. Each pair of
// functions extracts one network from a checkpoint, with diffusers' names, and converts it back. A name
// outside the scheme stays the same (without the network's prefix), so that strict loading reports it.

inline constexpr const char* kLdmUnetPrefix = "model.diffusion_model.";
StateDict unet_from_ldm(const StateDict& checkpoint);
StateDict unet_to_ldm(const StateDict& unet);

/// Makes a UNet's projections around attention (`proj_in`, `proj_out`) matrices (out, in): old conversions of
/// Stable Diffusion 2.x contain 1x1 convolutions.
StateDict linear_projections(const StateDict& unet);

inline constexpr const char* kLdmVaePrefix = "first_stage_model.";
/// Also accepts a VAE file without the prefix. The 1x1 convolutions of its attention become matrices. Drops
/// leftovers of training.
StateDict vae_from_ldm(const StateDict& checkpoint, UnusedNames* unused = nullptr);
StateDict vae_to_ldm(const StateDict& vae);

inline constexpr const char* kLdmClipPrefix = "cond_stage_model.transformer.";        // 1.x
inline constexpr const char* kXlClipPrefix = "conditioner.embedders.0.transformer.";  // XL's first
StateDict clip_text_from_ldm(const StateDict& checkpoint, UnusedNames* unused = nullptr,
                             const std::string& prefix = kLdmClipPrefix);
StateDict clip_text_to_ldm(const StateDict& text_encoder, const std::string& prefix = kLdmClipPrefix);

// OpenCLIP's names, used by the text encoders of Stable Diffusion 2.x and the second one of XL. There,
// attention's three input projections are one tensor, and `text_projection` is the transposed matrix.

inline constexpr const char* kOpenClipPrefix = "cond_stage_model.model.";        // 2.x
inline constexpr const char* kXlClip2Prefix = "conditioner.embedders.1.model.";  // XL's second
enum class OpenClip {
  penultimate,  ///< 2.x: without ViT-H's last layer and without its projection
  projected,    ///< XL's second: all layers and the projection
};
/// Throws Error naming the key for shapes that cannot be split.
StateDict clip_text_from_openclip(const StateDict& checkpoint, OpenClip scheme);
StateDict clip_text_to_openclip(const StateDict& text_encoder, OpenClip scheme);

}  // namespace forgedit
