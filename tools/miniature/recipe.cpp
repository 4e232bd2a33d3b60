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

ClipConfig clip_config(std::int64_t vocab_size) {
  ClipConfig config;
  config.projection_dim = 96;
  config.text.vocab_size = vocab_size;
  config.text.hidden_size = 96;
  config.text.intermediate_size = 384;
  config.text.num_hidden_layers = 2;
  config.text.num_attention_heads = 3;
  config.text.eos_token_id = vocab_size - 1;
  config.vision.hidden_size = 96;
  config.vision.intermediate_size = 384;
  config.vision.num_hidden_layers = 5;
  config.vision.num_attention_heads = 3;
  config.vision.image_size = 128;
  config.vision.patch_size = 16;
  return config;
}

BlipConfig blip_config(std::int64_t vocab_size) {
  BlipConfig config;
  config.vision.hidden_size = 96;
  config.vision.intermediate_size = 384;
  config.vision.num_hidden_layers = 5;
  config.vision.num_attention_heads = 3;
  config.vision.image_size = 128;
  config.vision.patch_size = 16;
  config.text.vocab_size = vocab_size;
  config.text.hidden_size = 96;
  config.text.intermediate_size = 384;
  config.text.num_hidden_layers = 2;
  config.text.num_attention_heads = 3;
  config.text.max_position_embeddings = 24;
  config.text.bos_token_id = 2;  // where `write_word_vocabulary` puts them
  config.text.sep_token_id = 3;
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
    if (ends_with("embedding.weight") || ends_with("embeddings.weight") || ends_with("_embedding")) {
      values.normal_(0.0, 0.02, generator);
    } else if (ends_with("logit_scale")) {
      values.fill_(std::log(1.0 / 0.07));
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
