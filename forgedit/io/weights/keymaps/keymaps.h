#pragma once

#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// Names of tensors that a file holds and a network does not use; where a function takes a list of them, it
/// appends what it dropped.
using UnusedNames = std::vector<std::string>;

/// What training programs keep beside a network: losses, averages, optimizers, counters.
bool is_training_leftover(const std::string& name);
/// What a whole CLIP has beside its text encoder: projections, the vision tower, the logit scale.
bool is_clip_output(const std::string& name);
StateDict without_leftovers(const StateDict& state, UnusedNames* unused = nullptr);

/// transformers' CLIP text model, alone or in a whole CLIP: drops the `text_model.` prefix of published
/// files, the `position_ids` buffer, and all that a text encoder alone does not use. With `projection` the
/// network is a CLIPTextModelWithProjection, whose `text_projection.weight` stays.
StateDict normalise_clip_text_keys(const StateDict& state, UnusedNames* unused = nullptr,
                                   bool projection = false);

/// The published names again (`text_model.` in front of all but `text_projection`), which every loader reads.
StateDict published_clip_text_keys(const StateDict& state);

/// transformers' BlipForConditionalGeneration: leaves out `position_ids` and what is only another name of a
/// tied weight. Where the output projection (`decoder.weight`) has values of its own, it stays.
StateDict normalise_blip_keys(const StateDict& state);

/// AutoencoderKL: attention saved as query/key/value/proj_attn (before diffusers 0.18) under today's names;
/// without what training left.
StateDict normalise_vae_keys(const StateDict& state, UnusedNames* unused = nullptr);

/// CLIPModel of transformers: drops the `position_ids` buffers of published files.
StateDict normalise_clip_keys(const StateDict& state);

/// LPIPS: torchvision's classifier and the lpips package's constants are dropped; names of a whole saved
/// lpips.LPIPS (`net.sliceK.N`, `lins.K`) become `features.N` and `linK`.
StateDict normalise_lpips_keys(const StateDict& state);

// LDM names: those of the original Stable Diffusion code, under which single-file checkpoints are shared.
// Each pair takes one network out of a checkpoint, under diffusers' names, and back; a name that the scheme
// does not know stays as it is (without the network's prefix), so that strict loading names it.

inline constexpr const char* kLdmUnetPrefix = "model.diffusion_model.";
StateDict unet_from_ldm(const StateDict& checkpoint);
StateDict unet_to_ldm(const StateDict& unet);

/// A UNet's projections around attention (`proj_in`, `proj_out`) as matrices (out, in): old conversions of
/// Stable Diffusion 2.x hold 1x1 convolutions.
StateDict linear_projections(const StateDict& unet);

inline constexpr const char* kLdmVaePrefix = "first_stage_model.";
/// Also takes VAE files of their own, which have no prefix; 1x1 convolutions of its attention become
/// matrices; without what training left.
StateDict vae_from_ldm(const StateDict& checkpoint, UnusedNames* unused = nullptr);
StateDict vae_to_ldm(const StateDict& vae);

inline constexpr const char* kLdmClipPrefix = "cond_stage_model.transformer.";        // 1.x
inline constexpr const char* kXlClipPrefix = "conditioner.embedders.0.transformer.";  // the first of XL
StateDict clip_text_from_ldm(const StateDict& checkpoint, UnusedNames* unused = nullptr,
                             const std::string& prefix = kLdmClipPrefix);
StateDict clip_text_to_ldm(const StateDict& text_encoder, const std::string& prefix = kLdmClipPrefix);

// OpenCLIP's names: text encoders of Stable Diffusion 2.x and the second of XL. Attention's three input
// projections are one tensor there, and `text_projection` is the transposed matrix.

inline constexpr const char* kOpenClipPrefix = "cond_stage_model.model.";        // 2.x
inline constexpr const char* kXlClip2Prefix = "conditioner.embedders.1.model.";  // the second of XL
enum class OpenClip {
  penultimate,  ///< 2.x: without the last layer of ViT-H and without its projection
  projected,    ///< the second of XL: all layers, and the projection
};
/// Throws Error that names the key for shapes that cannot be split.
StateDict clip_text_from_openclip(const StateDict& checkpoint, OpenClip scheme);
StateDict clip_text_to_openclip(const StateDict& text_encoder, OpenClip scheme);

}  // namespace forgedit
