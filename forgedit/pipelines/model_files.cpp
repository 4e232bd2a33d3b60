#include "forgedit/pipelines/model_files.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/hub_cache.h"
#include "forgedit/io/keymaps/keymaps.h"
#include "forgedit/io/model_folder.h"
#include "forgedit/io/single_file.h"
#include "forgedit/models/sizes_from_weights.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDiffusersStem = "diffusion_pytorch_model";
constexpr const char* kTransformersStem = "model";
/// Repositories whose tokenizer is Stable Diffusion 1.x's.
constexpr const char* kTokenizerRepositories[] = {
    "openai/clip-vit-large-patch14", "CompVis/stable-diffusion-v1-4", "runwayml/stable-diffusion-v1-5",
    "stable-diffusion-v1-5/stable-diffusion-v1-5"};

fs::path config_of(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw failure(directory.string() +
                  ": no such folder: a diffusers model has unet, vae, text_encoder and tokenizer");
  }
  return directory / "config.json";
}

using Metadata = std::map<std::string, std::string>;

/// Settings of a network whose file has no config.json beside it: of the folder that was named for them, else
/// those that the file carries, else by the shapes of its tensors.
template <class Config>
Config settings_of(const fs::path& named, const Metadata& metadata, const char* key, const StateDict& weights,
                   const std::string& origin,
                   Config (*from_weights)(const StateDict& state, const std::string& origin)) {
  if (!named.empty()) return Config::from_json(ConfigReader(config_of(named)));
  if (const auto carried = metadata.find(key); carried != metadata.end()) {
    const auto json = nlohmann::json::parse(carried->second, nullptr, false);
    if (!json.is_object()) throw failure(origin + ": " + key + ": expected a JSON object in the metadata");
    return Config::from_json(ConfigReader(origin + ": " + key, json));
  }
  return from_weights(weights, origin);
}

fs::path below(const fs::path& folder, const char* name) {
  return folder.empty() ? fs::path() : folder / name;
}

NetworkFiles<VaeConfig> vae_of_file(const fs::path& file, const fs::path& config) {
  NetworkFiles<VaeConfig> vae;
  Metadata metadata;
  vae.origin = file.string();
  vae.weights = read_vae_file(file, metadata);
  vae.config = settings_of(below(config, "vae"), metadata, kVaeSettings, vae.weights, vae.origin,
                           vae_config_from_weights);
  return vae;
}

/// `path`: a VAE folder, a whole diffusers folder, or a file.
NetworkFiles<VaeConfig> vae_at(const fs::path& path, const fs::path& config) {
  if (fs::is_directory(path)) return read_vae(fs::is_directory(path / "vae") ? path / "vae" : path);
  if (!fs::exists(path)) throw failure(path.string() + ": no such VAE folder or file");
  return vae_of_file(path, config);
}

bool is_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt");
}

/// For a checkpoint of one file, which has no tokenizer in it.
fs::path find_tokenizer(const ModelFiles& files) {
  const auto folder = files.model.parent_path();
  auto own = files.model;
  std::vector<fs::path> places{own.replace_extension("tokenizer"), folder / "tokenizer", folder};
  if (!files.config.empty()) places.insert(places.begin(), files.config / "tokenizer");
  for (const char* repository : kTokenizerRepositories) {
    const auto found = find_in_hub_cache(files.hub_cache, repository);
    if (!found) continue;
    places.push_back(found->folder / "tokenizer");
    places.push_back(found->folder);
  }
  for (const auto& place : places) {
    if (is_tokenizer(place)) return place;
  }
  throw failure(
      files.model.string() +
      ": a single file has no tokenizer: give --tokenizer DIR with CLIP's vocab.json and merges.txt");
}

ModelParts read_folder(const ModelFiles& files) {
  const auto& directory = files.model;
  ModelParts parts;
  // The UNet first: it is what a folder that is no model lacks.
  parts.unet = read_unet(directory / "unet");
  parts.vae = files.vae.empty() ? read_vae(directory / "vae") : vae_at(files.vae, directory);
  parts.text_encoder = read_clip_text(directory / "text_encoder");
  parts.tokenizer = files.tokenizer.empty() ? directory / "tokenizer" : files.tokenizer;
  parts.scheduler = directory / "scheduler" / "scheduler_config.json";
  return parts;
}

ModelParts read_checkpoint(const ModelFiles& files) {
  const auto origin = files.model.string();
  auto file = read_single_file(files.model);
  if (!file.not_known.empty()) {
    spdlog::warn("{}: {} tensors that Stable Diffusion 1.x does not have are left alone, such as {}", origin,
                 file.not_known.size(), file.not_known.front());
  }
  if (file.text_encoder.empty()) {
    throw failure(origin + ": no text encoder in it: a UNet alone is not a whole checkpoint");
  }
  if (file.vae.empty() && files.vae.empty()) {
    throw failure(origin + ": no VAE in it: give --vae DIR or FILE");
  }
  ModelParts parts;
  parts.tokenizer = files.tokenizer.empty() ? find_tokenizer(files) : files.tokenizer;
  parts.unet = {settings_of(below(files.config, "unet"), file.metadata, kUnetSettings, file.unet, origin,
                            unet_config_from_weights),
                std::move(file.unet), origin};
  parts.text_encoder = {settings_of(below(files.config, "text_encoder"), file.metadata, kTextEncoderSettings,
                                    file.text_encoder, origin, clip_text_config_from_weights),
                        std::move(file.text_encoder), origin};
  if (!files.vae.empty()) {
    parts.vae = vae_at(files.vae, files.config);
  } else {
    parts.vae = {settings_of(below(files.config, "vae"), file.metadata, kVaeSettings, file.vae, origin,
                             vae_config_from_weights),
                 std::move(file.vae), origin};
  }
  return parts;
}

}  // namespace

NetworkFiles<UNetConfig> read_unet(const fs::path& directory) {
  return {UNetConfig::from_json(ConfigReader(config_of(directory))),
          read_component_weights(directory, kDiffusersStem), directory.string()};
}

NetworkFiles<VaeConfig> read_vae(const fs::path& directory) {
  return {VaeConfig::from_json(ConfigReader(config_of(directory))),
          normalise_vae_keys(read_component_weights(directory, kDiffusersStem)), directory.string()};
}

NetworkFiles<ClipTextConfig> read_clip_text(const fs::path& directory) {
  return {ClipTextConfig::from_json(ConfigReader(config_of(directory))),
          normalise_clip_text_keys(read_component_weights(directory, kTransformersStem)), directory.string()};
}

ModelParts read_model(const ModelFiles& files) {
  if (fs::is_directory(files.model)) return read_folder(files);
  if (!fs::exists(files.model)) throw failure(files.model.string() + ": no such model folder or file");
  return read_checkpoint(files);
}

}  // namespace forgedit
