#include "forgedit/pipelines/model/model_files.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/hub_cache.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/io/weights/single_file.h"
#include "forgedit/io/weights/weights_file.h"
#include "forgedit/models/clip.h"
#include "forgedit/models/sizes_from_weights.h"
#include "forgedit/text/clip_vocabulary.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDiffusersStem = "diffusion_pytorch_model";
constexpr const char* kTransformersStem = "model";
/// Repositories with the tokenizer of Stable Diffusion 1.x.
constexpr const char* kTokenizerRepositories[] = {
    "openai/clip-vit-large-patch14", "CompVis/stable-diffusion-v1-4", "runwayml/stable-diffusion-v1-5",
    "stable-diffusion-v1-5/stable-diffusion-v1-5"};

fs::path config_of(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw failure(directory.string() +
                  ": no such folder: a diffusers model has unet, vae, text_encoder and tokenizer, one of XL "
                  "also text_encoder_2 and tokenizer_2");
  }
  return directory / "config.json";
}

using Metadata = std::map<std::string, std::string>;

/// Returns the settings of a network in a file without a config.json: those of the folder named for them,
/// else those in the file, else those that the shapes of its tensors give.
template <class Config>
Config settings_of(
    const fs::path& named, const Metadata& metadata, const char* key, const StateDict& weights,
    const std::string& origin,
    const std::function<Config(const StateDict& state, const std::string& origin)>& from_weights) {
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

/// Returns one note for any number of tensors.
std::vector<std::string> note_unused(const std::string& origin, const UnusedNames& unused) {
  if (unused.empty()) return {};
  const auto count = std::to_string(unused.size()) + (unused.size() == 1 ? " tensor" : " tensors");
  return {origin + ": " + count + " that Stable Diffusion does not use, such as " + unused.front() +
          ": ignored"};
}

/// Settings of a family that shapes do not determine, used if no file contains them.
struct FamilyDefaults {
  CheckpointKind kind;
  double vae_scaling_factor;
  bool zeros_for_empty_prompt;
  const char* pad_token;     ///< of the text encoder; empty: that of the tokenizer's files
  const char* text_encoder;  ///< prefix of its tensors
};
constexpr const char *kClipPad = "<|endoftext|>", *kOpenClipPad = "!";
constexpr FamilyDefaults kFamilyDefaults[] = {
    {CheckpointKind::sd1, 0.18215, false, "", kLdmClipPrefix},
    {CheckpointKind::sd2, 0.18215, false, kOpenClipPad, kOpenClipPrefix},
    {CheckpointKind::sdxl, 0.13025, true, kClipPad, kXlClipPrefix},
};

const FamilyDefaults& defaults_of(CheckpointKind kind) {
  return *std::find_if(std::begin(kFamilyDefaults), std::end(kFamilyDefaults),
                       [&](const auto& row) { return row.kind == kind; });
}

/// Latents per side of Stable Diffusion 2.x models that predict the velocity.
constexpr std::int64_t kVelocitySide = 96;

std::function<VaeConfig(const StateDict&, const std::string&)> scaled_vae_config(double scaling_factor) {
  return [=](const StateDict& weights, const std::string& origin) {
    auto config = vae_config_from_weights(weights, origin);
    config.scaling_factor = scaling_factor;
    return config;
  };
}

fs::path below(const fs::path& folder, const char* name) {
  return folder.empty() ? fs::path() : folder / name;
}

NetworkFiles<VaeConfig> vae_of_file(const fs::path& file, const fs::path& config, double scaling_factor) {
  NetworkFiles<VaeConfig> vae;
  Metadata metadata;
  UnusedNames unused;
  vae.origin = file.string();
  vae.weights = read_vae_file(file, metadata, unused);
  vae.notes = note_unused(vae.origin, unused);
  vae.config = settings_of(below(config, "vae"), metadata, kVaeSettings, vae.weights, vae.origin,
                           scaled_vae_config(scaling_factor));
  return vae;
}

/// Finds a tokenizer for a single-file checkpoint, which contains none; empty if there is none. `rows`: those
/// of its text encoder's embedding table.
fs::path find_tokenizer(const ModelFiles& files, std::int64_t rows) {
  auto places = tokenizer_places(files.model);
  if (!files.config.empty()) places.insert(places.begin(), files.config / "tokenizer");
  for (const char* repository : kTokenizerRepositories) {
    const auto found = find_in_hub_cache(files.hub_cache, repository);
    if (!found) continue;
    places.push_back(found->folder / "tokenizer");
    places.push_back(found->folder);
  }
  if (rows >= ClipTextConfig().vocab_size) places.push_back(files.clip_vocabulary);
  const auto found = std::find_if(places.begin(), places.end(), is_clip_tokenizer);
  return found == places.end() ? fs::path() : *found;
}

/// Returns the folder of the tokenizer that an export writes beside its checkpoint for each text encoder.
fs::path own_tokenizer(const fs::path& checkpoint, const char* end) {
  auto path = checkpoint;
  return path.replace_extension(end);
}

/// Returns a checkpoint's tokenizer. The pad token comes from the folder only if that belongs to the model.
TokenizerFiles checkpoint_tokenizer(const ModelFiles& files, std::int64_t rows, const char* pad_token) {
  const auto folder = files.tokenizer.empty() ? find_tokenizer(files, rows) : files.tokenizer;
  const bool own = files.tokenizer.empty() && (folder == own_tokenizer(files.model, "tokenizer") ||
                                               folder == below(files.config, "tokenizer"));
  return {folder, own ? "" : pad_token};
}

TokenizerFiles checkpoint_tokenizer_2(const ModelFiles& files, const TokenizerFiles& first) {
  if (files.tokenizer.empty()) {
    for (const auto& own : {below(files.config, "tokenizer_2"), own_tokenizer(files.model, "tokenizer_2")}) {
      if (is_clip_tokenizer(own)) return {own, ""};
    }
  }
  return {first.folder, kOpenClipPad};
}

ModelParts read_folder(const ModelFiles& files) {
  const auto& directory = files.model;
  ModelParts parts;
  read_model_index(directory / "model_index.json", parts.settings);
  // The UNet is read first, because a folder that is no model lacks it.
  parts.unet = read_unet(directory / "unet");
  const auto family = unet_family(parts.unet.weights);
  const auto scheduler = directory / "scheduler" / "scheduler_config.json";
  parts.settings.prediction_unknown = family == CheckpointKind::sd2 && !fs::exists(scheduler);
  parts.notes = read_scheduler_config(scheduler, parts.settings);
  parts.vae = files.vae.empty() ? read_vae(directory / "vae") : read_any_vae(files.vae, directory);
  parts.text_encoder = read_clip_text(directory / "text_encoder");
  const bool given = !files.tokenizer.empty();
  parts.tokenizer = given ? TokenizerFiles{files.tokenizer, defaults_of(family).pad_token}
                          : TokenizerFiles{directory / "tokenizer", ""};
  if (parts.unet.config.takes_added_conditions()) {
    parts.text_encoder_2 = read_clip_text(directory / "text_encoder_2", /*second=*/true);
    parts.tokenizer_2 =
        given ? TokenizerFiles{files.tokenizer, kOpenClipPad} : TokenizerFiles{directory / "tokenizer_2", ""};
  }
  return parts;
}

/// Checks the scale factor, a number measured in training, which may also be in the file.
void check_scale_factor(const SingleFile& file, const NetworkFiles<VaeConfig>& vae) {
  constexpr double kHalfPrecision = 1e-3;
  const auto found = file.schedule.find("scale_factor");
  if (found == file.schedule.end() || found->second.numel() != 1) return;
  const auto value = found->second.item<double>(), expected = vae.config.scaling_factor;
  if (std::abs(value - expected) <= kHalfPrecision * expected) return;
  throw failure(vae.origin + ": scale_factor: expected " + nlohmann::json(expected).dump() +
                " as the settings of the VAE say, found " + nlohmann::json(value).dump());
}

/// Reads the settings of one of a checkpoint's networks, and the network.
template <class Config>
NetworkFiles<Config> network_of(
    const ModelFiles& files, const SingleFile& file, const char* name, const char* key, StateDict weights,
    const std::function<Config(const StateDict& state, const std::string& origin)>& from_weights) {
  const auto origin = files.model.string();
  auto config = settings_of(below(files.config, name), file.metadata, key, weights, origin, from_weights);
  const bool said = !files.config.empty() || file.metadata.count(key) > 0;
  return {std::move(config), std::move(weights), origin, {}, !said};
}

void require_networks(const ModelFiles& files, const SingleFile& file) {
  const auto origin = files.model.string();
  if (file.text_encoder.empty()) {
    throw failure(origin + ": contains no text encoder: expected tensors " +
                  defaults_of(file.kind).text_encoder + "…; a UNet alone is not a whole checkpoint");
  }
  if (has_second_text_encoder(file.kind) && file.text_encoder_2.empty()) {
    throw failure(origin + ": contains no second text encoder: expected tensors " + kXlClip2Prefix + "…");
  }
  if (file.vae.empty() && files.vae.empty()) {
    throw failure("vae", origin + ": contains no VAE: give a VAE file or folder");
  }
}

/// Reads the settings in the checkpoint and in a folder that was named for its settings.
std::vector<std::string> read_settings(const ModelFiles& files, const SingleFile& file,
                                       ModelSettings& settings) {
  settings.zeros_for_empty_prompt = defaults_of(file.kind).zeros_for_empty_prompt;
  settings.prediction_unknown = true;
  std::vector<std::string> notes;
  if (!files.config.empty()) {
    const auto scheduler = files.config / "scheduler" / "scheduler_config.json";
    settings.prediction_unknown = !fs::exists(scheduler);
    notes = read_scheduler_config(scheduler, settings);
    if (!file.text_encoder_2.empty()) read_model_index(files.config / "model_index.json", settings);
  } else if (const auto carried = file.metadata.find(kModelSettings); carried != file.metadata.end()) {
    read_carried_settings(files.model.string() + ": " + kModelSettings, carried->second, settings);
  }
  append(notes, read_checkpoint_settings(files.model, file, settings));
  return notes;
}

ModelParts read_checkpoint(const ModelFiles& files) {
  auto file = read_single_file(files.model);
  const auto& defaults = defaults_of(file.kind);
  ModelParts parts;
  parts.notes = read_settings(files, file, parts.settings);
  append(parts.notes, note_unused(files.model.string(), file.unused));
  require_networks(files, file);
  parts.unet = network_of<UNetConfig>(files, file, "unet", kUnetSettings, std::move(file.unet),
                                      unet_config_from_weights);
  parts.text_encoder =
      network_of<ClipTextConfig>(files, file, "text_encoder", kTextEncoderSettings,
                                 std::move(file.text_encoder), clip_text_config_from_weights);
  parts.tokenizer = checkpoint_tokenizer(files, parts.text_encoder.config.vocab_size, defaults.pad_token);
  if (!file.text_encoder_2.empty()) {
    parts.text_encoder_2 =
        network_of<ClipTextConfig>(files, file, "text_encoder_2", kTextEncoder2Settings,
                                   std::move(file.text_encoder_2), clip_text_config_from_weights);
    parts.tokenizer_2 = checkpoint_tokenizer_2(files, parts.tokenizer);
  }
  if (!files.vae.empty()) {
    parts.vae = read_any_vae(files.vae, files.config, defaults.vae_scaling_factor);
  } else {
    parts.vae = network_of<VaeConfig>(files, file, "vae", kVaeSettings, std::move(file.vae),
                                      scaled_vae_config(defaults.vae_scaling_factor));
    check_scale_factor(file, parts.vae);
  }
  const bool said = file.kind == CheckpointKind::sd2 && !parts.settings.prediction_unknown;
  if (said) settle_prediction(parts, parts.settings.noise.prediction_type);
  return parts;
}

}  // namespace

NetworkFiles<VaeConfig> read_any_vae(const fs::path& path, const fs::path& config, double scaling_factor) {
  if (fs::is_directory(path)) return read_vae(fs::is_directory(path / "vae") ? path / "vae" : path);
  if (!fs::exists(path)) throw failure(path.string() + ": no such VAE folder or file");
  return vae_of_file(path, config, scaling_factor);
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

NetworkFiles<ClipTextConfig> read_clip_text(const fs::path& directory, bool second) {
  const auto file = config_of(directory);
  NetworkFiles<ClipTextConfig> text;
  text.origin = directory.string();
  const auto json = read_json_object(file);
  // The folder may contain a complete CLIP model, with the text encoder's settings one level below.
  const bool whole = json.contains("text_config") || json.contains("text_config_dict");
  text.config = whole ? ClipConfig::text_from_json(file.string(), json)
                      : ClipTextConfig::from_json(ConfigReader(file.string(), json));
  UnusedNames unused;
  const auto weights = read_component_weights(directory, kTransformersStem);
  if (second && !whole && !json.contains("architectures")) {
    const auto projection = weights.find("text_projection.weight");
    if (projection != weights.end() && projection->second.dim() == 2) {
      text.config.projection_dim = projection->second.size(0);
    }
  }
  text.weights = normalise_clip_text_keys(weights, &unused, text.config.projection_dim > 0);
  text.notes = note_unused(text.origin, unused);
  return text;
}

std::vector<fs::path> tokenizer_places(const fs::path& checkpoint) {
  auto own = checkpoint;
  const auto folder = checkpoint.parent_path();
  return {own.replace_extension("tokenizer"), folder / "tokenizer", folder};
}

std::int64_t usual_clip_skip(bool two_encoders) {
  return two_encoders ? 2 : 1;
}

bool has_two_text_encoders(const fs::path& model) {
  if (!fs::is_directory(model)) {
    return has_second_text_encoder(checkpoint_kind(read_weights_file(model, no_values).tensors));
  }
  return UNetConfig::from_json(ConfigReader(config_of(model / "unet"))).takes_added_conditions();
}

namespace {

void settle_clip_skip(const ModelFiles& files, ModelParts& parts) {
  if (!files.clip_skip) return;
  const auto& second = parts.text_encoder_2;
  auto layers = parts.text_encoder.config.num_hidden_layers;
  if (second) layers = std::min(layers, second->config.num_hidden_layers);
  if (*files.clip_skip < 1 || *files.clip_skip > layers) {
    throw usage_error("clip_skip", "expected 1 to " + std::to_string(layers) +
                                       ", the layers of the text encoder, got " +
                                       std::to_string(*files.clip_skip));
  }
  if (*files.clip_skip != usual_clip_skip(second.has_value())) parts.clip_skip = files.clip_skip;
}

}  // namespace

ModelParts read_networks(const ModelFiles& files) {
  if (!fs::is_directory(files.model) && !fs::exists(files.model)) {
    throw failure(files.model.string() + ": no such model folder or file");
  }
  auto parts = fs::is_directory(files.model) ? read_folder(files) : read_checkpoint(files);
  for (const auto* notes : {&parts.unet.notes, &parts.vae.notes, &parts.text_encoder.notes}) {
    append(parts.notes, *notes);
  }
  if (parts.text_encoder_2) append(parts.notes, parts.text_encoder_2->notes);
  settle_clip_skip(files, parts);
  return parts;
}

ModelParts read_model(const ModelFiles& files) {
  auto parts = read_networks(files);
  if (parts.tokenizer.folder.empty()) {
    throw failure("tokenizer",
                  files.model.string() +
                      ": a single file contains no tokenizer, and no fitting one was found: give a folder "
                      "with vocab.json and merges.txt, or with tokenizer.json");
  }
  return parts;
}

void settle_prediction(ModelParts& parts, PredictionType found) {
  parts.settings.noise.prediction_type = found;
  parts.settings.prediction_unknown = false;
  if (found == PredictionType::v_prediction && parts.unet.config_from_weights) {
    parts.unet.config.sample_size = kVelocitySide;
  }
}

void check_agreement(const ModelParts& parts) {
  const auto& unet = parts.unet.config;
  const auto reject = [](const std::string& where, std::int64_t expected, const std::string& as,
                         std::int64_t found) {
    throw failure(where + ": expected " + std::to_string(expected) + " as " + as + ", found " +
                  std::to_string(found));
  };
  if (!parts.text_encoder_2 && unet.takes_added_conditions()) {
    throw failure(parts.unet.origin + ": UNet: addition_embed_type: " + unet.addition_embed_type +
                  ": a second text encoder is needed");
  }
  const auto widths = parts.text_encoder.config.hidden_size +
                      (parts.text_encoder_2 ? parts.text_encoder_2->config.hidden_size : std::int64_t{0});
  if (widths != unet.cross_attention_dim) {
    reject(parts.unet.origin + ": UNet: cross_attention_dim", widths,
           parts.text_encoder_2 ? "the text encoders give" : "the text encoder gives",
           unet.cross_attention_dim);
  }
  if (parts.text_encoder_2 && parts.text_encoder_2->config.projection_dim != unet.pooled_width()) {
    reject(parts.text_encoder_2->origin + ": second text encoder: projection_dim", unet.pooled_width(),
           "the UNet takes", parts.text_encoder_2->config.projection_dim);
  }
  if (parts.vae.config.latent_channels != unet.in_channels) {
    reject(parts.vae.origin + ": VAE: latent_channels", unet.in_channels, "the UNet takes",
           parts.vae.config.latent_channels);
  }
}

}  // namespace forgedit
