#pragma once

#include "forgedit/models/vae.h"

namespace forgedit {

// The VAE over overlapping tiles, whose seams are blended: memory follows the tile, not the picture. Tiles
// see only themselves (attention, group norms), so the result is near that of the whole, not the same.

/// As vae.decode. `tile`: latents a side of a tile, at least 4.
torch::Tensor decode_in_tiles(AutoencoderKL& vae, const torch::Tensor& latents, std::int64_t tile);

/// As vae.encode; `tile` as above, in latents.
AutoencoderKLImpl::Posterior encode_in_tiles(AutoencoderKL& vae, const torch::Tensor& images,
                                             std::int64_t tile);

}  // namespace forgedit
