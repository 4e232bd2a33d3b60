#include "forgedit/pipelines/model/stable_diffusion.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/host_memory.h"
#include "forgedit/core/json_text.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/models/load_network.h"
#include "forgedit/nn/half_weights.h"
#include "forgedit/pipelines/model/apply_lora.h"
#include "forgedit/pipelines/model/parameters_on_device.h"
#include "forgedit/pipelines/model/picture.h"
#include "forgedit/pipelines/model/picture_grid.h"
#include "forgedit/pipelines/model/tiled_vae.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kManyCells = 64 * 64;  // latents of a picture of 512x512 pixels

/// Throws Error if the host lacks memory for the weights that loading copies or converts to float32.
template <typename Config>
void require_memory(const NetworkFiles<Config>& files, bool keep_half = false) {
  std::int64_t converted = 0;
  for (const auto& [name, tensor] : files.weights) {
    if (tensor.scalar_type() == torch::kFloat) continue;
    converted += (keep_half && tensor.scalar_type() == torch::kHalf ? 2 : 4) * tensor.numel();
  }
  require_host_memory(files.origin, converted);
}

/// Loads the network. Tensors that it does not keep, such as half-precision ones, are freed at the end.
template <typename Model, typename Config>
Model finish(NetworkFiles<Config> files, bool keep_half = false) {
  require_memory(files, keep_half);
  return load_network<Model>(files.config, files.weights, files.origin, keep_half);
}

/// Whether weights stay in half precision: on a CPU for good (nn/half_weights.h), for a GPU until they are
/// uploaded.
bool keeps_half(const ComputePolicy& policy) {
  return policy.device.is_cuda() || (policy.precision == Precision::fp32 && !policy.plain);
}

/// Uploads weights from the CPU to a GPU, many at a time through pinned memory, and converts them to `type`
/// there.
void upload(torch::nn::Module& network, const c10::Device& device, at::ScalarType type) {
  constexpr std::size_t kAtOnce = std::size_t{256} << 20;
  torch::NoGradGuard no_grad;
  const auto parameters = network.parameters();
  for (std::size_t first = 0; first < parameters.size();) {
    std::vector<torch::Tensor> sources, placed;
    std::vector<cuda::Upload::Piece> pieces;
    for (std::size_t bytes = 0; first + sources.size() < parameters.size() && bytes < kAtOnce;) {
      sources.push_back(parameters[first + sources.size()].detach().contiguous());
      placed.push_back(torch::empty_like(sources.back(), torch::TensorOptions(device)));
      pieces.push_back({sources.back().data_ptr(), placed.back().data_ptr(), sources.back().nbytes()});
      bytes += sources.back().nbytes();
    }
    cuda::Upload(device.index(), pieces).finish();
    for (const auto& tensor : placed) parameters[first++].set_data(tensor.to(type));
  }
}

/// Converts the half-precision weights of an offloaded network to float32: ParametersOnDevice copies weights
/// to the GPU without conversion.
void widen(torch::nn::Module& network) {
  std::int64_t halves = 0;
  for (const auto& parameter : network.parameters())
    halves += nn::is_kept_half(parameter) ? parameter.numel() : 0;
  require_host_memory("the offloaded text encoders and VAE", 2 * halves);  // each weight is freed at once
  network.to(torch::kFloat);
}

/// Moves a network to the device, with the memory format that convolutions there need.
void move_network(torch::nn::Module& network, const c10::Device& device,
                  at::ScalarType type = torch::kFloat) {
  if (device.is_cuda()) {
    upload(network, device, type);
    network.to(device, type);
  }
  nn::use_channels_last(network);
}

template <typename Model>
Model placed(Model network, const c10::Device& device) {
  move_network(*network, device);
  return network;
}

ClipTokenizer read_tokenizer(const TokenizerFiles& files, const ClipTextConfig& text_encoder) {
  auto tokenizer = ClipTokenizer::from_directory(files.folder, files.pad_token);
  tokenizer.require_rows(text_encoder.vocab_size, "text encoder");
  return tokenizer;
}

/// Returns the output of the encoder's layer `layer`, counted from the last one (1).
const torch::Tensor& state_from_end(const ClipTextModelImpl::Output& output, std::int64_t layer) {
  return output.hidden_states[output.hidden_states.size() - static_cast<std::size_t>(layer)];
}

/// Returns token ids (1, length that the encoder reads) int64, on the CPU.
torch::Tensor token_ids(const ClipTokenizer& tokenizer, const ClipTextModel& encoder,
                        const std::string& text) {
  const auto length = static_cast<std::size_t>(encoder->config().max_position_embeddings);
  return torch::tensor(tokenizer.encode(text, length).ids, torch::kLong).unsqueeze(0);
}

}  // namespace

void ask_prediction(ModelParts& parts) {
  if (!parts.settings.prediction_unknown) return;
  constexpr std::int64_t kSide = 8, kTokens = 2;
  torch::NoGradGuard no_grad;
  require_memory(parts.unet);
  auto unet = load_network<UNet>(parts.unet.config, parts.unet.weights, parts.unet.origin);
  const auto& config = unet->config();
  const auto latents = torch::full({1, config.in_channels, kSide, kSide}, 0.5);
  const auto last = torch::full({1}, parts.settings.noise.num_train_timesteps - 1, torch::kLong);
  const auto out = unet(latents, last, torch::full({1, kTokens, config.cross_attention_dim}, 0.5));
  // At the last timestep the input is noise, so predicted noise resembles it, and a velocity does not.
  const bool velocity = (out - latents).mean().item<double>() < -1;
  settle_prediction(parts, velocity ? PredictionType::v_prediction : PredictionType::epsilon);
  parts.notes.push_back(
      fmt::format("{}: does not state what the UNet predicts; a test shows that it predicts the {}",
                  parts.unet.origin, velocity ? "velocity" : "noise"));
}

UNet load_unet(const fs::path& directory, const c10::Device& device) {
  return placed(finish<UNet>(read_unet(directory)), device);
}

AutoencoderKL load_vae(const fs::path& directory, const c10::Device& device) {
  return placed(finish<AutoencoderKL>(read_vae(directory)), device);
}

ClipTextModel load_clip_text(const fs::path& directory, const c10::Device& device) {
  return placed(finish<ClipTextModel>(read_clip_text(directory)), device);
}

StableDiffusion StableDiffusion::load(const ModelFiles& files, const ComputePolicy& policy) {
  auto model = read(files, policy);
  model.place({});
  return model;
}

StableDiffusion StableDiffusion::read(const ModelFiles& files, const ComputePolicy& policy) {
  auto parts = read_model(files);
  ask_prediction(parts);
  StableDiffusion model;
  model.notes = parts.notes;
  model.policy = policy;
  model.tokenizer = read_tokenizer(parts.tokenizer, parts.text_encoder.config);
  model.tokenizer_files = parts.tokenizer;
  if (parts.text_encoder_2) {
    model.tokenizer_2 = read_tokenizer(*parts.tokenizer_2, parts.text_encoder_2->config);
    model.tokenizer_2_files = parts.tokenizer_2;
  }
  model.folder = fs::is_directory(files.model) ? files.model : files.model.parent_path();
  model.settings = parts.settings;
  model.clip_skip = parts.clip_skip;
  check_agreement(parts);
  const bool keep_half = keeps_half(policy);
  model.unet = finish<UNet>(std::move(parts.unet), keep_half);
  model.vae = finish<AutoencoderKL>(std::move(parts.vae), keep_half);
  model.text_encoder = finish<ClipTextModel>(std::move(parts.text_encoder), keep_half);
  if (parts.text_encoder_2) {
    model.text_encoder_2 = finish<ClipTextModel>(std::move(*parts.text_encoder_2), keep_half);
  }
  apply_loras(files.loras, model.lora_targets());
  StateDict all;
  const auto add = [&](const std::string& prefix, const torch::nn::Module& network) {
    for (const auto& [name, tensor] : parameters_of(network)) all.emplace(prefix + name, tensor);
  };
  add("unet.", *model.unet);
  add("text_encoder.", *model.text_encoder);
  if (model.text_encoder_2) add("text_encoder_2.", *model.text_encoder_2);
  add("vae.", *model.vae);
  model.base_fingerprint = fingerprint(all);
  // The same weights with another prediction type are another model.
  const auto settings = carried_settings(model.settings);
  if (settings != carried_settings({})) {
    model.base_fingerprint = content_hash(model.base_fingerprint + json_text(settings));
  }
  model.base_fingerprint = with_clip_skip(model.base_fingerprint, model.clip_skip);
  return model;
}

namespace {
constexpr const char* kClipSkipMark = "-clip-skip-";
}  // namespace

std::string with_clip_skip(const std::string& fingerprint, const std::optional<std::int64_t>& clip_skip) {
  return clip_skip ? fingerprint + kClipSkipMark + std::to_string(*clip_skip) : fingerprint;
}

std::string without_clip_skip(const std::string& fingerprint) {
  return fingerprint.substr(0, fingerprint.find(kClipSkipMark));
}

NamedNetworks StableDiffusion::lora_targets() const {
  NamedNetworks networks{{"unet", unet.get()}, {"text_encoder", text_encoder.get()}};
  if (text_encoder_2) networks.emplace_back("text_encoder_2", text_encoder_2.get());
  return networks;
}

void check_model(const ModelParts& parts) {
  check_network<UNet>(parts.unet.config, parts.unet.weights, parts.unet.origin);
  check_network<AutoencoderKL>(parts.vae.config, parts.vae.weights, parts.vae.origin);
  check_network<ClipTextModel>(parts.text_encoder.config, parts.text_encoder.weights,
                               parts.text_encoder.origin);
  if (parts.text_encoder_2) {
    check_network<ClipTextModel>(parts.text_encoder_2->config, parts.text_encoder_2->weights,
                                 parts.text_encoder_2->origin);
  }
  if (!parts.tokenizer.folder.empty()) {
    read_tokenizer(parts.tokenizer, parts.text_encoder.config);
    if (parts.text_encoder_2) read_tokenizer(*parts.tokenizer_2, parts.text_encoder_2->config);
  }
  check_agreement(parts);
}

void StableDiffusion::move_to_device() {
  if (policy.reduced()) {
    for (const auto& [name, parameter] : parameters_of(*unet))
      unet_as_loaded.emplace(name, parameter.detach());
  }
  move_network(*unet, policy.device, unet_type());
  const auto place = memory.offload ? c10::Device(c10::DeviceType::CPU) : policy.device;
  for (auto* network : networks_beside_unet()) place_network(*network, place);
}

at::ScalarType StableDiffusion::unet_type() const {
  return policy.reduced() ? torch::kBFloat16 : torch::kFloat;
}

std::vector<torch::nn::Module*> StableDiffusion::networks_beside_unet() {
  std::vector<torch::nn::Module*> networks{vae.get(), text_encoder.get()};
  if (text_encoder_2) networks.push_back(text_encoder_2.get());
  return networks;
}

void StableDiffusion::place_network(torch::nn::Module& network, const c10::Device& device) {
  if (policy.device.is_cuda() && device.is_cpu()) widen(network);
  move_network(network, device);
  // The encoder stays float32: it runs once, and fine-tuning uses its output.
  if (policy.reduced() && &network == vae.get()) vae->decoder_to(torch::kBFloat16);
}

void StableDiffusion::place(const MemoryPlan& plan) {
  const bool moves = plan.offload != memory.offload;
  memory = plan;
  if (!placed_) {
    move_to_device();
    placed_ = true;
    return;
  }
  if (!moves) return;
  for (auto* network : networks_beside_unet())
    network->to(plan.offload ? c10::Device(c10::DeviceType::CPU) : policy.device);
}

torch::Tensor StableDiffusion::tokenize(const std::string& text) const {
  return token_ids(*tokenizer, text_encoder, text).to(policy.device);
}

std::string StableDiffusion::too_long(const std::string& text) const {
  const auto length = static_cast<std::size_t>(text_encoder->config().max_position_embeddings);
  const auto encoding = tokenizer->encode(text, length);
  if (encoding.dropped.empty()) return {};
  return fmt::format("the text has {} tokens, but the model reads only {}; it ignores \"{}\"",
                     encoding.token_count, length - 2, encoding.dropped);
}

c10::Device StableDiffusion::text_device() const {
  return memory.offload && text_encoder_2 ? c10::Device(c10::DeviceType::CPU) : policy.device;
}

TextEmbedding StableDiffusion::encode_text(const std::string& text) {
  torch::NoGradGuard no_grad;
  const auto device = text_device();
  const ParametersOnDevice moved(*text_encoder, device);
  const auto ids = token_ids(*tokenizer, text_encoder, text).to(device);
  if (!text_encoder_2) return {encode_ids(ids), {}};
  const auto first = text_encoder(ids);
  const auto second = text_encoder_2(token_ids(*tokenizer_2, text_encoder_2, text).to(device));
  const auto layer = clip_skip.value_or(usual_clip_skip(/*two_encoders=*/true));
  return {torch::cat({state_from_end(first, layer), state_from_end(second, layer)}, -1).to(policy.device),
          second.text_embeds.to(policy.device)};
}

torch::Tensor StableDiffusion::encode_ids(const torch::Tensor& ids) {
  const auto output = text_encoder(ids);
  if (!clip_skip) return output.last_hidden_state;
  return text_encoder->normalise(state_from_end(output, *clip_skip));
}

TextEmbedding StableDiffusion::encode_unconditional() {
  auto embedding = encode_text("");
  if (!settings.zeros_for_empty_prompt) return embedding;
  embedding.tokens.zero_();
  if (embedding.pooled.defined()) embedding.pooled.zero_();
  return embedding;
}

std::vector<std::int64_t> StableDiffusion::text_widths() const {
  std::vector<std::int64_t> widths{text_encoder->config().hidden_size};
  if (text_encoder_2) widths.push_back(text_encoder_2->config().hidden_size);
  return widths;
}

AddedConditions StableDiffusion::added_conditions(const torch::Tensor& pooled, std::int64_t latent_height,
                                                  std::int64_t latent_width) const {
  if (!unet->config().takes_added_conditions()) return {};
  const auto factor = vae->config().factor();
  const auto height = static_cast<float>(latent_height * factor),
             width = static_cast<float>(latent_width * factor);
  const auto time_ids = torch::tensor({height, width, 0.0F, 0.0F, height, width}).to(policy.device);
  return {pooled, time_ids.expand({pooled.size(0), -1}).contiguous()};
}

torch::Tensor StableDiffusion::encode_image(const torch::Tensor& image, torch::Generator& generator) {
  torch::NoGradGuard no_grad;
  const ParametersOnDevice moved(*vae, policy.device);
  const auto on_device = image.to(policy.device);
  const auto posterior =
      memory.vae_tile > 0 ? encode_in_tiles(vae, on_device, memory.vae_tile) : vae->encode(on_device);
  const auto offset = torch::randn(posterior.mean.sizes(), generator, torch::kFloat).to(policy.device);
  return (posterior.mean + (0.5 * posterior.logvar).exp() * offset) * vae->config().scaling_factor;
}

torch::Tensor StableDiffusion::decode_latents(const torch::Tensor& latents) {
  torch::NoGradGuard no_grad;
  const ParametersOnDevice moved(*vae, policy.device);
  const auto cells = latents.numel() / latents.size(1);
  // The decoder's last feature maps are large, so memory that the UNet has freed must not stay cached.
  if (policy.device.is_cpu() && cells >= kManyCells) release_memory(policy.device);
  const auto unscaled = latents / vae->config().scaling_factor;
  const auto images =
      (memory.vae_tile > 0 ? decode_in_tiles(vae, unscaled, memory.vae_tile) : vae->decode(unscaled))
          .to(torch::kFloat);
  check_finite(images);  // infinite values would become white or black
  return (images * 0.5 + 0.5).clamp(0.0, 1.0);
}

MemoryTask StableDiffusion::memory_task(int width, int height) const {
  // The number of float32 values with the same memory: two half-precision weights that stay so
  // (nn/half_weights.h) count as one.
  const auto count = [&](const torch::nn::Module& network) {
    std::int64_t sum = 0;
    for (const auto& parameter : network.parameters()) {
      sum += parameter.numel() / (policy.device.is_cpu() && nn::is_kept_half(parameter) ? 2 : 1);
    }
    return sum;
  };
  MemoryTask task;
  task.policy = policy;
  task.unet = unet->config();
  task.vae = vae->config();
  task.unet_count = count(*unet);
  task.vae_count = count(*vae);
  task.text_count = count(*text_encoder) + (text_encoder_2 ? count(*text_encoder_2) : 0);
  task.text_brought = text_encoder_2 ? 0 : task.text_count;  // text_device
  task.width = width;
  task.height = height;
  return task;
}

std::int64_t StableDiffusion::size_multiple() const {
  return picture_grid(unet->config(), vae->config()).multiple;
}

std::int64_t StableDiffusion::native_size() const {
  return picture_grid(unet->config(), vae->config()).native_size;
}

}  // namespace forgedit
