#include "forgedit/pipelines/model/model_files.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/hub_cache.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/io/weights/single_file.h"
#include "forgedit/models/clip.h"
#include "forgedit/models/sizes_from_weights.h"
#include "forgedit/pipelines/model/model_settings.h"
#include "forgedit/text/clip_vocabulary.h"

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

void append(std::vector<std::string>& notes, const std::vector<std::string>& more) {
  notes.insert(notes.end(), more.begin(), more.end());
}

/// One note, however many tensors there are.
std::vector<std::string> note_unused(const std::string& origin, const UnusedNames& unused) {
  if (unused.empty()) return {};
  const auto count = std::to_string(unused.size()) + (unused.size() == 1 ? " tensor" : " tensors");
  return {origin + ": " + count + " that Stable Diffusion 1.x does not use, such as " + unused.front() +
          ": ignored"};
}

fs::path below(const fs::path& folder, const char* name) {
  return folder.empty() ? fs::path() : folder / name;
}

NetworkFiles<VaeConfig> vae_of_file(const fs::path& file, const fs::path& config) {
  NetworkFiles<VaeConfig> vae;
  Metadata metadata;
  UnusedNames unused;
  vae.origin = file.string();
  vae.weights = read_vae_file(file, metadata, unused);
  vae.notes = note_unused(vae.origin, unused);
  vae.config = settings_of(below(config, "vae"), metadata, kVaeSettings, vae.weights, vae.origin,
                           vae_config_from_weights);
  return vae;
}

/// For a checkpoint of one file, which has no tokenizer in it; empty where there is none.
fs::path find_tokenizer(const ModelFiles& files) {
  auto places = tokenizer_places(files.model);
  if (!files.config.empty()) places.insert(places.begin(), files.config / "tokenizer");
  for (const char* repository : kTokenizerRepositories) {
    const auto found = find_in_hub_cache(files.hub_cache, repository);
    if (!found) continue;
    places.push_back(found->folder / "tokenizer");
    places.push_back(found->folder);
  }
  const auto found = std::find_if(places.begin(), places.end(), is_clip_tokenizer);
  return found == places.end() ? fs::path() : *found;
}

ModelParts read_folder(const ModelFiles& files) {
  const auto& directory = files.model;
  check_model_index(directory / "model_index.json");
  ModelParts parts;
  // The UNet first: it is what a folder that is no model lacks.
  parts.unet = read_unet(directory / "unet");
  parts.notes = check_scheduler_config(directory / "scheduler" / "scheduler_config.json");
  parts.vae = files.vae.empty() ? read_vae(directory / "vae") : read_any_vae(files.vae, directory);
  parts.text_encoder = read_clip_text(directory / "text_encoder");
  parts.tokenizer = files.tokenizer.empty() ? directory / "tokenizer" : files.tokenizer;
  return parts;
}

/// A number that training measured may stand in the file as well.
void check_scale_factor(const SingleFile& file, const NetworkFiles<VaeConfig>& vae) {
  constexpr double kHalfPrecision = 1e-3;
  const auto found = file.schedule.find("scale_factor");
  if (found == file.schedule.end() || found->second.numel() != 1) return;
  const auto value = found->second.item<double>(), expected = vae.config.scaling_factor;
  if (std::abs(value - expected) <= kHalfPrecision * expected) return;
  throw failure(vae.origin + ": scale_factor: expected " + nlohmann::json(expected).dump() +
                " as the settings of the VAE say, found " + nlohmann::json(value).dump());
}

ModelParts read_checkpoint(const ModelFiles& files) {
  const auto origin = files.model.string();
  auto file = read_single_file(files.model);
  ModelParts parts;
  parts.notes = check_checkpoint_settings(files.model, file);
  append(parts.notes, note_unused(origin, file.unused));
  if (!files.config.empty()) {
    append(parts.notes, check_scheduler_config(files.config / "scheduler" / "scheduler_config.json"));
  }
  if (file.text_encoder.empty()) {
    throw failure(origin + ": no text encoder in it: a UNet alone is not a whole checkpoint");
  }
  if (file.vae.empty() && files.vae.empty()) {
    throw failure("vae", origin + ": no VAE in it: name a folder or a file that has one");
  }
  parts.tokenizer = files.tokenizer.empty() ? find_tokenizer(files) : files.tokenizer;
  parts.unet = {settings_of(below(files.config, "unet"), file.metadata, kUnetSettings, file.unet, origin,
                            unet_config_from_weights),
                std::move(file.unet),
                origin,
                {}};
  parts.text_encoder = {settings_of(below(files.config, "text_encoder"), file.metadata, kTextEncoderSettings,
                                    file.text_encoder, origin, clip_text_config_from_weights),
                        std::move(file.text_encoder),
                        origin,
                        {}};
  if (!files.vae.empty()) {
    parts.vae = read_any_vae(files.vae, files.config);
  } else {
    parts.vae = {settings_of(below(files.config, "vae"), file.metadata, kVaeSettings, file.vae, origin,
                             vae_config_from_weights),
                 std::move(file.vae),
                 origin,
                 {}};
    check_scale_factor(file, parts.vae);
  }
  return parts;
}

}  // namespace

NetworkFiles<VaeConfig> read_any_vae(const fs::path& path, const fs::path& config) {
  if (fs::is_directory(path)) return read_vae(fs::is_directory(path / "vae") ? path / "vae" : path);
  if (!fs::exists(path)) throw failure(path.string() + ": no such VAE folder or file");
  return vae_of_file(path, config);
}

NetworkFiles<UNetConfig> read_unet(const fs::path& directory) {
  const auto file = config_of(directory);
  NetworkFiles<UNetConfig> unet;
  unet.origin = directory.string();
  unet.config = UNetConfig::from_json(ConfigReader(file));
  UnusedNames unused;
  unet.weights = without_leftovers(read_component_weights(directory, kDiffusersStem), &unused);
  unet.notes = note_unknown_settings(file, "unet");
  append(unet.notes, note_unused(unet.origin, unused));
  return unet;
}

NetworkFiles<VaeConfig> read_vae(const fs::path& directory) {
  const auto file = config_of(directory);
  NetworkFiles<VaeConfig> vae;
  vae.origin = directory.string();
  vae.config = VaeConfig::from_json(ConfigReader(file));
  UnusedNames unused;
  vae.weights = normalise_vae_keys(read_component_weights(directory, kDiffusersStem), &unused);
  vae.notes = note_unknown_settings(file, "vae");
  append(vae.notes, note_unused(vae.origin, unused));
  return vae;
}

NetworkFiles<ClipTextConfig> read_clip_text(const fs::path& directory) {
  const auto file = config_of(directory);
  NetworkFiles<ClipTextConfig> text;
  text.origin = directory.string();
  const auto json = read_json_object(file);
  // A whole CLIP serves as well: its text encoder's settings are one level below.
  const bool whole = json.contains("text_config") || json.contains("text_config_dict");
  text.config = whole ? ClipConfig::text_from_json(file.string(), json)
                      : ClipTextConfig::from_json(ConfigReader(file.string(), json));
  UnusedNames unused;
  text.weights = normalise_clip_text_keys(read_component_weights(directory, kTransformersStem), &unused,
                                          text.config.projection_dim > 0);
  text.notes = note_unused(text.origin, unused);
  return text;
}

std::vector<fs::path> tokenizer_places(const fs::path& checkpoint) {
  auto own = checkpoint;
  const auto folder = checkpoint.parent_path();
  return {own.replace_extension("tokenizer"), folder / "tokenizer", folder};
}

ModelParts read_networks(const ModelFiles& files) {
  if (!fs::is_directory(files.model) && !fs::exists(files.model)) {
    throw failure(files.model.string() + ": no such model folder or file");
  }
  auto parts = fs::is_directory(files.model) ? read_folder(files) : read_checkpoint(files);
  for (const auto* notes : {&parts.unet.notes, &parts.vae.notes, &parts.text_encoder.notes}) {
    append(parts.notes, *notes);
  }
  return parts;
}

ModelParts read_model(const ModelFiles& files) {
  auto parts = read_networks(files);
  if (parts.tokenizer.empty()) {
    throw failure("tokenizer",
                  files.model.string() +
                      ": a single file has no tokenizer: name a folder with CLIP's vocab.json and "
                      "merges.txt, or tokenizer.json");
  }
  return parts;
}

}  // namespace forgedit
