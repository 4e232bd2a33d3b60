#include "forgedit/pipelines/stable_diffusion.h"

#include <spdlog/spdlog.h>

#include "forgedit/core/error.h"
#include "forgedit/io/keymaps/keymaps.h"
#include "forgedit/io/model_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// Weights are assigned (not copied) on the CPU, moved to the device and laid out channels-last.
template <typename Model>
Model finish(Model model, const StateDict& state, const fs::path& directory, const c10::Device& device) {
  load_state(*model, state, directory.string());
  model->to(device);
  nn::use_channels_last(*model);
  for (auto& parameter : model->parameters()) parameter.set_requires_grad(false);
  model->eval();
  return model;
}

fs::path config_of(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw failure(directory.string() +
                  ": no such folder: a diffusers model has unet, vae, text_encoder and tokenizer");
  }
  return directory / "config.json";
}

}  // namespace

UNet load_unet(const fs::path& directory, const c10::Device& device) {
  const auto config = UNetConfig::from_json(ConfigReader(config_of(directory)));
  return finish(UNet(config), read_component_weights(directory, "diffusion_pytorch_model"), directory,
                device);
}

AutoencoderKL load_vae(const fs::path& directory, const c10::Device& device) {
  const auto config = VaeConfig::from_json(ConfigReader(config_of(directory)));
  const auto state = normalise_vae_keys(read_component_weights(directory, "diffusion_pytorch_model"));
  return finish(AutoencoderKL(config), state, directory, device);
}

ClipTextModel load_clip_text(const fs::path& directory, const c10::Device& device) {
  const auto config = ClipTextConfig::from_json(ConfigReader(config_of(directory)));
  const auto state = normalise_clip_text_keys(read_component_weights(directory, "model"));
  return finish(ClipTextModel(config), state, directory, device);
}

namespace {

/// The method brings its own scheduler, but only models that predict the noise under SD 1.x's betas fit it.
void check_scheduler(const fs::path& path) {
  if (!fs::exists(path)) return;
  const ConfigReader json(path);
  for (const auto& [key, expected] :
       {std::pair{"prediction_type", "epsilon"}, {"beta_schedule", "scaled_linear"}}) {
    const auto found = json.text(key, expected);
    if (found != expected) json.reject(key, "expected " + std::string(expected) + ", found " + found);
  }
}

}  // namespace

StableDiffusion StableDiffusion::load(const fs::path& directory, const ComputePolicy& policy) {
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such model folder");
  StableDiffusion model;
  model.policy = policy;
  // The UNet first: it is what a folder that is no model lacks.
  model.unet = load_unet(directory / "unet", policy.device);
  model.vae = load_vae(directory / "vae", policy.device);
  model.text_encoder = load_clip_text(directory / "text_encoder", policy.device);
  model.tokenizer = ClipTokenizer::from_directory(directory / "tokenizer");
  check_scheduler(directory / "scheduler" / "scheduler_config.json");

  const auto& text = model.text_encoder->config();
  if (static_cast<std::int64_t>(model.tokenizer->vocab_size()) > text.vocab_size) {
    throw failure((directory / "tokenizer").string() + ": " + std::to_string(model.tokenizer->vocab_size()) +
                  " tokens, but the text encoder knows " + std::to_string(text.vocab_size));
  }
  if (text.hidden_size != model.unet->config().cross_attention_dim) {
    throw failure((directory / "unet" / "config.json").string() + ": cross_attention_dim: expected " +
                  std::to_string(text.hidden_size) + " as the text encoder gives, found " +
                  std::to_string(model.unet->config().cross_attention_dim));
  }
  if (model.vae->config().latent_channels != model.unet->config().in_channels) {
    throw failure((directory / "vae" / "config.json").string() + ": latent_channels: expected " +
                  std::to_string(model.unet->config().in_channels) + " as the UNet takes, found " +
                  std::to_string(model.vae->config().latent_channels));
  }
  StateDict all;
  for (const auto& [prefix, module] : {std::pair<std::string, torch::nn::Module*>{"unet.", model.unet.get()},
                                       {"text_encoder.", model.text_encoder.get()},
                                       {"vae.", model.vae.get()}}) {
    for (const auto& [name, tensor] : parameters_of(*module)) all.emplace(prefix + name, tensor);
  }
  model.base_fingerprint = fingerprint(all);
  return model;
}

torch::Tensor StableDiffusion::tokenize(const std::string& text) const {
  const auto length = static_cast<std::size_t>(text_encoder->config().max_position_embeddings);
  const auto encoding = tokenizer->encode(text, length);
  if (!encoding.dropped.empty()) {
    spdlog::warn("the text has {} tokens, the model reads {}: left out \"{}\"", encoding.token_count,
                 length - 2, encoding.dropped);
  }
  return torch::tensor(encoding.ids, torch::kLong).unsqueeze(0).to(policy.device);
}

torch::Tensor StableDiffusion::encode_text(const std::string& text) {
  torch::NoGradGuard no_grad;
  return text_encoder(tokenize(text)).last_hidden_state;
}

torch::Tensor StableDiffusion::encode_image(const torch::Tensor& image, torch::Generator& generator) {
  torch::NoGradGuard no_grad;
  const auto posterior = vae->encode(image.to(policy.device));
  const auto noise = torch::randn(posterior.mean.sizes(), generator, torch::kFloat).to(policy.device);
  return (posterior.mean + (0.5 * posterior.logvar).exp() * noise) * vae->config().scaling_factor;
}

torch::Tensor StableDiffusion::decode_latents(const torch::Tensor& latents) {
  torch::NoGradGuard no_grad;
  const auto images = vae->decode(latents / vae->config().scaling_factor);
  return (images * 0.5 + 0.5).clamp(0.0, 1.0).to(torch::kCPU);
}

std::int64_t StableDiffusion::size_multiple() const {
  return vae->config().factor() << (unet->config().block_out_channels.size() - 1);
}

std::int64_t StableDiffusion::native_size() const {
  return unet->config().sample_size * vae->config().factor();
}

}  // namespace forgedit
