#include "tools/miniature/recipe.h"

#include <cmath>

#include "forgedit/core/state_dict.h"

namespace forgedit::miniature {

VaeConfig vae_config() {
  VaeConfig config;
  config.block_out_channels = {32, 64, 96};
  config.norm_num_groups = 8;
  config.sample_size = 128;
  return config;
}

ClipTextConfig text_config(std::int64_t vocab_size) {
  ClipTextConfig config;
  config.vocab_size = vocab_size;
  config.hidden_size = 192;
  config.intermediate_size = 768;
  config.num_hidden_layers = 4;
  config.num_attention_heads = 6;
  config.eos_token_id = vocab_size - 1;
  return config;
}

UNetConfig unet_config() {
  UNetConfig config;
  config.sample_size = 32;
  config.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"};
  config.up_block_types = {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"};
  config.block_out_channels = {64, 96, 128, 128};
  config.cross_attention_dim = 192;
  config.heads = {4, 4, 4, 4};
  config.norm_num_groups = 16;
  return config;
}

void initialise(torch::nn::Module& module, std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(seed);
  const auto parameters = parameters_of(module);
  for (const auto& [name, parameter] : parameters) {
    const auto ends_with = [&, &key = name](const std::string& end) {
      return key.size() >= end.size() && key.compare(key.size() - end.size(), end.size(), end) == 0;
    };
    auto values = parameter;
    if (ends_with("embedding.weight")) {
      values.normal_(0.0, 0.02, generator);
    } else if (ends_with(".weight") && parameter.dim() >= 2) {
      const auto fan_in = parameter.numel() / parameter.size(0);
      const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
      values.uniform_(-bound, bound, generator);
    } else if (ends_with(".weight")) {
      values.fill_(1.0);
    } else {
      values.zero_();
    }
  }
}

}  // namespace forgedit::miniature
