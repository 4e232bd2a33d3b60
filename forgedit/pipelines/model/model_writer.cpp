#include "forgedit/pipelines/model/model_writer.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/json_text.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/io/weights/single_file.h"

namespace forgedit {
namespace {

void write_json(const std::filesystem::path& path, const nlohmann::json& json) {
  write_file_atomically(path, json.dump(2) + "\n");
}

nlohmann::json index_of(const StableDiffusion& model) {
  const auto component = [](const char* library, const char* type) { return nlohmann::json{library, type}; };
  nlohmann::json index{{"_class_name", "StableDiffusionPipeline"},
                       {"scheduler", component("diffusers", "DDIMScheduler")},
                       {"text_encoder", component("transformers", "CLIPTextModel")},
                       {"tokenizer", component("transformers", "CLIPTokenizer")},
                       {"unet", component("diffusers", "UNet2DConditionModel")},
                       {"vae", component("diffusers", "AutoencoderKL")}};
  if (!model.text_encoder_2) return index;
  index["_class_name"] = "StableDiffusionXLPipeline";
  index["force_zeros_for_empty_prompt"] = model.settings.zeros_for_empty_prompt;
  index["text_encoder_2"] = component("transformers", "CLIPTextModelWithProjection");
  index["tokenizer_2"] = component("transformers", "CLIPTokenizer");
  return index;
}

}  // namespace

StateDict stored_weights(const torch::nn::Module& module, at::ScalarType dtype) {
  StateDict result;
  for (const auto& [name, tensor] : parameters_of(module)) {
    result.emplace(name, tensor.detach().to(at::kCPU, dtype).contiguous());
  }
  return result;
}

void write_model_folder(const StableDiffusion& model, const VaeConfig& vae_config,
                        const std::filesystem::path& directory, at::ScalarType dtype,
                        std::size_t max_shard_bytes) {
  const auto part = [&](const char* name) {
    make_directory(directory / name);
    return directory / name;
  };
  write_component_weights(part("unet"), "diffusion_pytorch_model", stored_weights(*model.unet, dtype),
                          max_shard_bytes);
  write_json(directory / "unet" / "config.json", model.unet->config().to_json());
  write_component_weights(part("vae"), "diffusion_pytorch_model", stored_weights(*model.vae, dtype),
                          max_shard_bytes);
  write_json(directory / "vae" / "config.json", vae_config.to_json());
  write_component_weights(part("text_encoder"), "model",
                          published_clip_text_keys(stored_weights(*model.text_encoder, dtype)),
                          max_shard_bytes);
  write_json(directory / "text_encoder" / "config.json", model.text_encoder->config().to_json());
  if (model.text_encoder_2) {
    write_component_weights(part("text_encoder_2"), "model",
                            published_clip_text_keys(stored_weights(*model.text_encoder_2, dtype)),
                            max_shard_bytes);
    write_json(directory / "text_encoder_2" / "config.json", model.text_encoder_2->config().to_json());
  }
  write_json(part("scheduler") / "scheduler_config.json", scheduler_json(model.settings));
  write_json(directory / "model_index.json", index_of(model));
}

void write_checkpoint(const StableDiffusion& model, const std::filesystem::path& path, at::ScalarType dtype) {
  SingleFile file;
  file.unet = stored_weights(*model.unet, dtype);
  file.kind = unet_family(file.unet);
  file.vae = stored_weights(*model.vae, dtype);
  file.text_encoder = stored_weights(*model.text_encoder, dtype);
  std::map<std::string, std::string> metadata{
      {"format", "pt"},
      {kUnetSettings, json_text(model.unet->config().to_json())},
      {kVaeSettings, json_text(model.vae->config().to_json())},
      {kTextEncoderSettings, json_text(model.text_encoder->config().to_json())}};
  if (model.text_encoder_2) {
    file.text_encoder_2 = stored_weights(*model.text_encoder_2, dtype);
    metadata[kTextEncoder2Settings] = json_text(model.text_encoder_2->config().to_json());
  }
  const auto settings = carried_settings(model.settings);
  // Readers assume these settings for a checkpoint of 1.x without any.
  const bool says_itself = file.kind == CheckpointKind::sd1 && settings == carried_settings({});
  if (!says_itself) metadata[kModelSettings] = json_text(settings);
  // The markers that other programs use.
  const auto& noise = model.settings.noise;
  if (noise.prediction_type == PredictionType::v_prediction) file.marks.emplace_back("v_pred");
  if (noise.rescale_betas_zero_snr) file.marks.emplace_back("ztsnr");
  write_safetensors(path, join_checkpoint(file), metadata);
}

void copy_tokenizer(const TokenizerFiles& from, const std::filesystem::path& to) {
  make_directory(to);
  for (const char* name : {"vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json",
                           "tokenizer_config.json", "special_tokens_map.json"}) {
    const auto file = from.folder / name;
    if (std::filesystem::exists(file)) write_file_atomically(to / name, read_file(file));
  }
  if (from.pad_token.empty()) return;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    auto json = std::filesystem::exists(to / name) ? read_json_object(to / name) : nlohmann::json::object();
    json["pad_token"] = from.pad_token;
    write_json(to / name, json);
  }
}

void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to) {
  namespace fs = std::filesystem;
  for (const char* name : {"captioner", "clip"}) {
    for (const auto& path : list_tree(from / name)) {
      std::error_code error;
      // Files in the Hugging Face cache are links; their targets are copied.
      const bool inside = path.lexically_normal().parent_path() == (from / name).lexically_normal();
      if (!inside || !fs::is_regular_file(path, error)) continue;
      make_directory(to / name);
      const auto copy = to / name / path.filename();
      if (!fs::copy_file(path, copy, error)) {
        throw failure(copy.string() + ": cannot be written: " + error.message());
      }
    }
  }
}

}  // namespace forgedit
