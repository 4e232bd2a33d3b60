#pragma once

#include "forgedit/models/vae.h"

namespace forgedit {

// Runs the VAE over overlapping tiles and blends them: memory depends on the size of a tile, not on that of
// the picture. Attention and group norms see only one tile, so the result is similar to that of the whole
// picture, not equal.

/// Like vae.decode. `tile`: side of a tile in latents, at least 4.
torch::Tensor decode_in_tiles(AutoencoderKL& vae, const torch::Tensor& latents, std::int64_t tile);

/// Like vae.encode. `tile`: side of a tile in latents, at least 4.
AutoencoderKLImpl::Posterior encode_in_tiles(AutoencoderKL& vae, const torch::Tensor& images,
                                             std::int64_t tile);

}  // namespace forgedit
