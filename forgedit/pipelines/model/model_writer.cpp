#include "forgedit/pipelines/model/model_writer.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/model_folder.h"

namespace forgedit {
namespace {

void write_json(const std::filesystem::path& path, const nlohmann::json& json) {
  write_file_atomically(path, json.dump(2) + "\n");
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
  write_json(part("scheduler") / "scheduler_config.json", {{"_class_name", "DDIMScheduler"},
                                                           {"beta_start", 0.00085},
                                                           {"beta_end", 0.012},
                                                           {"beta_schedule", "scaled_linear"},
                                                           {"num_train_timesteps", 1000},
                                                           {"clip_sample", false},
                                                           {"set_alpha_to_one", false},
                                                           {"steps_offset", 0}});
  const auto component = [](const char* library, const char* type) { return nlohmann::json{library, type}; };
  write_json(directory / "model_index.json", {{"_class_name", "StableDiffusionPipeline"},
                                              {"scheduler", component("diffusers", "DDIMScheduler")},
                                              {"text_encoder", component("transformers", "CLIPTextModel")},
                                              {"tokenizer", component("transformers", "CLIPTokenizer")},
                                              {"unet", component("diffusers", "UNet2DConditionModel")},
                                              {"vae", component("diffusers", "AutoencoderKL")}});
}

void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to) {
  make_directory(to);
  for (const char* name : {"vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json",
                           "tokenizer_config.json", "special_tokens_map.json"}) {
    if (std::filesystem::exists(from / name)) write_file_atomically(to / name, read_file(from / name));
  }
}

void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to) {
  namespace fs = std::filesystem;
  for (const char* name : {"captioner", "clip"}) {
    for (const auto& path : list_tree(from / name)) {
      std::error_code error;
      // In the hub's cache files are links; what they lead to is copied.
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
