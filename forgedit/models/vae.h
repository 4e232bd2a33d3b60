#pragma once

#include <vector>

#include "forgedit/core/json.h"
#include "forgedit/nn/layers.h"

namespace forgedit {

class VaeEncoderImpl;
class VaeDecoderImpl;

/// Sizes of AutoencoderKL. Defaults are those of CompVis/stable-diffusion-v1-4 (vae/config.json).
struct VaeConfig {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_out_channels{128, 256, 512, 512};
  std::int64_t layers_per_block = 2;
  std::int64_t norm_num_groups = 32;
  std::int64_t sample_size = 512;
  double scaling_factor = 0.18215;

  /// Pixels per latent along each side.
  std::int64_t factor() const { return std::int64_t{1} << (block_out_channels.size() - 1); }

  static VaeConfig from_json(const ConfigReader& json);
  nlohmann::json to_json() const;
};

/// AutoencoderKL of diffusers. Module names are the keys of present checkpoints (diffusers 0.18 or newer).
class AutoencoderKLImpl : public torch::nn::Module {
 public:
  /// Diagonal Gaussian over latents (batch, latent_channels, height / factor, width / factor).
  struct Posterior {
    torch::Tensor mean, logvar;
  };

  explicit AutoencoderKLImpl(const VaeConfig& config);
  /// images (batch, 3, height, width) in [-1, 1], sides multiples of factor().
  Posterior encode(const torch::Tensor& images);
  /// Unscaled latents in the shape of Posterior -> images (batch, 3, height, width), about [-1, 1],
  /// unclamped.
  torch::Tensor decode(const torch::Tensor& latents);
  /// Makes the decoder compute in `type`; the encoder does not change.
  void decoder_to(at::ScalarType type);
  const VaeConfig& config() const { return config_; }

 private:
  VaeConfig config_;
  std::shared_ptr<VaeEncoderImpl> encoder;
  std::shared_ptr<VaeDecoderImpl> decoder;
  nn::Conv2d quant_conv, post_quant_conv;
};
TORCH_MODULE(AutoencoderKL);

}  // namespace forgedit
