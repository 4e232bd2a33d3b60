#pragma once

#include "forgedit/core/torch.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Previews latents without the VAE's decoder: colours are a linear map of the channels, fitted by least
/// squares to images whose latents are known. It needs no weights and works with any VAE.
class PreviewMap {
 public:
  /// Adds an image to the fit: latents (1, channels, h, w) and what they decode to, (1, 3, h·f, w·f) in
  /// [0, 1]. Both on the CPU.
  void add(const torch::Tensor& latents, const torch::Tensor& image);
  /// Whether anything was added.
  bool is_fitted() const { return gram_.defined(); }
  /// Converts latents (1, channels, h, w) on the CPU to an image of w x h. Throws a failure if nothing was
  /// added.
  Image render(const torch::Tensor& latents) const;

 private:
  torch::Tensor gram_, products_;  // sums over all pixels: (channels + 1)², (channels + 1) x 3; float64
};

}  // namespace forgedit
