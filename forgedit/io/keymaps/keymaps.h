#pragma once

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// transformers' CLIP text model: drops the `text_model.` prefix of published files and the `position_ids`
/// buffer.
StateDict normalise_clip_text_keys(const StateDict& state);

/// The published names again (`text_model.` in front), which every loader reads.
StateDict published_clip_text_keys(const StateDict& state);

/// transformers' BlipForConditionalGeneration: leaves out `position_ids` and what is only another name of a
/// tied weight. Where the output projection (`decoder.weight`) has values of its own, it stays.
StateDict normalise_blip_keys(const StateDict& state);

/// AutoencoderKL: attention saved as query/key/value/proj_attn (before diffusers 0.18) under today's names.
StateDict normalise_vae_keys(const StateDict& state);

/// CLIPModel of transformers: drops the `position_ids` buffers of published files.
StateDict normalise_clip_keys(const StateDict& state);

/// LPIPS: torchvision's classifier and the lpips package's constants are dropped; names of a whole saved
/// lpips.LPIPS (`net.sliceK.N`, `lins.K`) become `features.N` and `linK`.
StateDict normalise_lpips_keys(const StateDict& state);

}  // namespace forgedit
