#include "forgedit/models/vae.h"

#include <nlohmann/json.hpp>

#include "forgedit/models/config_limits.h"
#include "forgedit/nn/attention.h"
#include "forgedit/nn/fused.h"
#include "forgedit/nn/resnet.h"

namespace forgedit {
namespace {

constexpr double kEps = 1e-6;

nn::ResnetBlock2D make_resnet(const VaeConfig& c, std::int64_t in_channels, std::int64_t out_channels) {
  return nn::ResnetBlock2D(nn::ResnetOptions{in_channels, out_channels, 0, c.norm_num_groups, kEps});
}

/// One level: residual blocks, then a down- or upsampler (not in the last level).
class VaeBlockImpl : public torch::nn::Module {
 public:
  enum class Kind { down, up };
  VaeBlockImpl(const VaeConfig& c, Kind kind, std::int64_t in_channels, std::int64_t out_channels,
               bool resample)
      : resnets(register_module("resnets", torch::nn::ModuleList())),
        downsamplers(nullptr),
        upsamplers(nullptr) {
    const auto layers = c.layers_per_block + (kind == Kind::up ? 1 : 0);
    for (std::int64_t i = 0; i < layers; ++i) {
      resnets->push_back(make_resnet(c, i == 0 ? in_channels : out_channels, out_channels));
    }
    if (resample && kind == Kind::down) {
      downsamplers =
          register_module("downsamplers", torch::nn::ModuleList(nn::Downsample2D(out_channels, true)));
    } else if (resample) {
      upsamplers = register_module("upsamplers", torch::nn::ModuleList(nn::Upsample2D(out_channels)));
    }
  }

  torch::Tensor forward(torch::Tensor x) {
    for (const auto& resnet : *resnets) x = resnet->as<nn::ResnetBlock2D>()->forward(x);
    if (!downsamplers.is_empty()) return downsamplers[0]->as<nn::Downsample2D>()->forward(x);
    if (!upsamplers.is_empty()) {
      return upsamplers[0]->as<nn::Upsample2D>()->forward(x, x.size(2) * 2, x.size(3) * 2);
    }
    return x;
  }

 private:
  torch::nn::ModuleList resnets, downsamplers, upsamplers;
};
TORCH_MODULE(VaeBlock);

class VaeMidBlockImpl : public torch::nn::Module {
 public:
  VaeMidBlockImpl(const VaeConfig& c, std::int64_t channels)
      : resnets(register_module("resnets", torch::nn::ModuleList(make_resnet(c, channels, channels),
                                                                 make_resnet(c, channels, channels)))),
        attentions(register_module(
            "attentions", torch::nn::ModuleList(nn::SpatialAttention(channels, c.norm_num_groups)))) {}

  torch::Tensor forward(torch::Tensor x) {
    x = resnets[0]->as<nn::ResnetBlock2D>()->forward(x);
    x = attentions[0]->as<nn::SpatialAttention>()->forward(x);
    return resnets[1]->as<nn::ResnetBlock2D>()->forward(x);
  }

 private:
  torch::nn::ModuleList resnets, attentions;
};
TORCH_MODULE(VaeMidBlock);

}  // namespace

class VaeEncoderImpl : public torch::nn::Module {
 public:
  explicit VaeEncoderImpl(const VaeConfig& c)
      : conv_in(register_module("conv_in", nn::Conv2d(c.in_channels, c.block_out_channels[0], 3, 1, 1))),
        down_blocks(register_module("down_blocks", torch::nn::ModuleList())),
        mid_block(register_module("mid_block", VaeMidBlock(c, c.block_out_channels.back()))),
        conv_norm_out(register_module("conv_norm_out",
                                      nn::GroupNorm(c.norm_num_groups, c.block_out_channels.back(), kEps))),
        conv_out(register_module("conv_out",
                                 nn::Conv2d(c.block_out_channels.back(), 2 * c.latent_channels, 3, 1, 1))) {
    const auto& channels = c.block_out_channels;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      down_blocks->push_back(VaeBlock(c, VaeBlockImpl::Kind::down, channels[i == 0 ? 0 : i - 1], channels[i],
                                      i + 1 < channels.size()));
    }
  }

  torch::Tensor forward(const torch::Tensor& images) {
    auto x = conv_in(images.contiguous(at::MemoryFormat::ChannelsLast));
    for (const auto& block : *down_blocks) x = block->as<VaeBlock>()->forward(x);
    return conv_out(torch::silu(conv_norm_out(mid_block(x))));
  }

 private:
  nn::Conv2d conv_in;
  torch::nn::ModuleList down_blocks;
  VaeMidBlock mid_block;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};

class VaeDecoderImpl : public torch::nn::Module {
 public:
  explicit VaeDecoderImpl(const VaeConfig& c)
      : conv_in(
            register_module("conv_in", nn::Conv2d(c.latent_channels, c.block_out_channels.back(), 3, 1, 1))),
        mid_block(register_module("mid_block", VaeMidBlock(c, c.block_out_channels.back()))),
        up_blocks(register_module("up_blocks", torch::nn::ModuleList())),
        conv_norm_out(register_module("conv_norm_out",
                                      nn::GroupNorm(c.norm_num_groups, c.block_out_channels[0], kEps))),
        conv_out(register_module("conv_out", nn::Conv2d(c.block_out_channels[0], c.out_channels, 3, 1, 1))) {
    const auto& channels = c.block_out_channels;
    for (std::size_t i = channels.size(); i-- > 0;) {
      const auto in_channels = channels[i + 1 < channels.size() ? i + 1 : i];
      up_blocks->push_back(VaeBlock(c, VaeBlockImpl::Kind::up, in_channels, channels[i], i > 0));
    }
  }

  torch::Tensor forward(const torch::Tensor& latents) {
    auto x = mid_block(conv_in(latents.contiguous(at::MemoryFormat::ChannelsLast)));
    for (const auto& block : *up_blocks) x = block->as<VaeBlock>()->forward(x);
    return conv_out(nn::norm_silu(x, conv_norm_out)).contiguous();
  }

 private:
  nn::Conv2d conv_in;
  VaeMidBlock mid_block;
  torch::nn::ModuleList up_blocks;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};

namespace {

/// Settings that affect the result of the same weights and have one value in all models of these families.
void require_published_vae(const ConfigReader& json) {
  if (json.has("quantization_config"))
    json.reject("quantization_config", "quantised weights are not supported");
  for (const auto& [key, value] : {std::pair{"_class_name", "AutoencoderKL"}, {"act_fn", "silu"}}) {
    const auto found = json.text(key, value);
    if (found != value) json.reject(key, "expected " + std::string(value) + ", found " + found);
  }
  for (const char* key : {"use_quant_conv", "use_post_quant_conv", "mid_block_add_attention"}) {
    if (!json.boolean(key, true))
      json.reject(key,
                  "false belongs to another model family; expected a VAE of Stable Diffusion 1.x, 2.x or XL");
  }
  for (const char* key : {"latents_mean", "latents_std"}) {
    if (json.has(key))
      json.reject(key, "belongs to another model family; expected a VAE of Stable Diffusion 1.x, 2.x or XL");
  }
  if (json.number("shift_factor", 0) != 0) {
    json.reject("shift_factor",
                "belongs to another model family; expected a VAE of Stable Diffusion 1.x, 2.x or XL");
  }
}

}  // namespace

VaeConfig VaeConfig::from_json(const ConfigReader& json) {
  require_published_vae(json);
  VaeConfig c;
  c.in_channels = json.integer("in_channels", c.in_channels, 3, 3);
  c.out_channels = json.integer("out_channels", c.out_channels, 3, 3);
  c.latent_channels = json.integer("latent_channels", c.latent_channels, 1, limits::kLatentChannels);
  if (json.has("block_out_channels")) {
    c.block_out_channels = json.integers("block_out_channels", 1, limits::kWidth);
  }
  c.layers_per_block = json.integer("layers_per_block", c.layers_per_block, 1, limits::kLayersPerBlock);
  c.norm_num_groups = json.integer("norm_num_groups", c.norm_num_groups, 1, 1024);
  c.sample_size = json.integer("sample_size", c.sample_size, 1, 16384);
  c.scaling_factor = json.number("scaling_factor", c.scaling_factor);
  if (c.scaling_factor <= 0) json.reject("scaling_factor", "expected a positive number");
  if (c.block_out_channels.size() > limits::kLevels) {
    json.reject("block_out_channels", "expected at most " + std::to_string(limits::kLevels) +
                                          " levels, found " + std::to_string(c.block_out_channels.size()));
  }
  for (const auto channels : c.block_out_channels) {
    if (channels % c.norm_num_groups != 0)
      json.reject("norm_num_groups", "does not divide block_out_channels");
  }
  for (const auto& [key, type] : {std::pair{"down_block_types", "DownEncoderBlock2D"},
                                  std::pair{"up_block_types", "UpDecoderBlock2D"}}) {
    if (!json.has(key)) continue;
    const auto types = json.texts(key);
    if (types.size() != c.block_out_channels.size()) json.reject(key, "not as long as block_out_channels");
    for (const auto& found : types) {
      if (found != type) json.reject(key, "expected " + std::string(type) + ", found " + found);
    }
  }
  return c;
}

nlohmann::json VaeConfig::to_json() const {
  const auto levels = block_out_channels.size();
  return {{"_class_name", "AutoencoderKL"},
          {"act_fn", "silu"},
          {"in_channels", in_channels},
          {"out_channels", out_channels},
          {"latent_channels", latent_channels},
          {"block_out_channels", block_out_channels},
          {"down_block_types", std::vector<std::string>(levels, "DownEncoderBlock2D")},
          {"up_block_types", std::vector<std::string>(levels, "UpDecoderBlock2D")},
          {"layers_per_block", layers_per_block},
          {"norm_num_groups", norm_num_groups},
          {"sample_size", sample_size},
          {"scaling_factor", scaling_factor}};
}

AutoencoderKLImpl::AutoencoderKLImpl(const VaeConfig& config)
    : config_(config),
      encoder(register_module("encoder", std::make_shared<VaeEncoderImpl>(config))),
      decoder(register_module("decoder", std::make_shared<VaeDecoderImpl>(config))),
      quant_conv(register_module("quant_conv",
                                 nn::Conv2d(2 * config.latent_channels, 2 * config.latent_channels, 1))),
      post_quant_conv(register_module("post_quant_conv",
                                      nn::Conv2d(config.latent_channels, config.latent_channels, 1))) {}

AutoencoderKLImpl::Posterior AutoencoderKLImpl::encode(const torch::Tensor& images) {
  const auto moments = quant_conv(encoder->forward(images)).contiguous().chunk(2, 1);
  return {moments[0], moments[1].clamp(-30.0, 20.0)};
}

torch::Tensor AutoencoderKLImpl::decode(const torch::Tensor& latents) {
  return decoder->forward(post_quant_conv(latents.to(post_quant_conv->weight.scalar_type())));
}

void AutoencoderKLImpl::decoder_to(at::ScalarType type) {
  decoder->to(type);
  post_quant_conv->to(type);
}

}  // namespace forgedit
