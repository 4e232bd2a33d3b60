#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/models/clip_text.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"
#include "forgedit/pipelines/model/lora_file.h"
#include "forgedit/pipelines/model/model_settings.h"

namespace forgedit {

/// The paths of a model's files. All but `model` may be empty.
struct ModelFiles {
  std::filesystem::path model;      ///< a diffusers folder or a single-file checkpoint
  std::filesystem::path vae;        ///< replaces the model's own: VAE or model folder, VAE file, checkpoint
  std::filesystem::path tokenizer;  ///< a folder with vocab.json and merges.txt, or tokenizer.json
  std::filesystem::path config;     ///< a diffusers folder with the settings for a single-file checkpoint
  std::filesystem::path hub_cache;  ///< Hugging Face cache, searched for a tokenizer
  std::filesystem::path clip_vocabulary;  ///< folder of CLIP's published vocabulary, if no tokenizer is found
  std::vector<LoraFile> loras;            ///< added to the weights when these are read, in order
  /// The layer of the text encoders that the UNet reads, counted from the last one (1), as in ComfyUI and
  /// kohya's programs; nothing: usual_clip_skip.
  std::optional<std::int64_t> clip_skip;

  ModelFiles() = default;
  ModelFiles(std::filesystem::path path) : model(std::move(path)) {}  // NOLINT: a path alone is a model
};

/// A network's settings and its tensors with diffusers' names, and the file that they came from.
template <class Config>
struct NetworkFiles {
  Config config;
  StateDict weights;
  std::string origin;
  std::vector<std::string> notes;    ///< for people: settings and tensors that are known but not used
  bool config_from_weights = false;  ///< no file contains the settings: they come from shapes
};

/// The tokenizer of a text encoder.
struct TokenizerFiles {
  std::filesystem::path folder;  ///< empty: none was found
  /// The pad token if it differs from that of the folder: OpenCLIP pads with "!", and a single-file
  /// checkpoint may use a tokenizer of CLIP, which pads with the end token.
  std::string pad_token;
};

/// All parts of a StableDiffusion.
struct ModelParts {
  NetworkFiles<UNetConfig> unet;
  NetworkFiles<VaeConfig> vae;
  NetworkFiles<ClipTextConfig> text_encoder;
  /// For a UNet with added conditions (XL): a CLIPTextModelWithProjection. Its tokens are concatenated to
  /// those of the first one, and its projection is the pooled embedding.
  std::optional<NetworkFiles<ClipTextConfig>> text_encoder_2;
  TokenizerFiles tokenizer;
  std::optional<TokenizerFiles> tokenizer_2;  ///< tokenizer of text_encoder_2
  ModelSettings settings;
  std::optional<std::int64_t> clip_skip;  ///< ModelFiles::clip_skip if it is not the usual one
  std::vector<std::string> notes;         ///< for people: what was read but is not used
};

/// Returns the layer that models were trained on: with one text encoder the last one, with two the one before
/// it.
std::int64_t usual_clip_skip(bool two_encoders);

/// Whether a model has two text encoders. Reads only the UNet's config.json or the names of a file's tensors.
/// Throws Error if they cannot be read.
bool has_two_text_encoders(const std::filesystem::path& model);

/// Reads a model, whose tensors stay memory-mapped, and checks that the settings beside its weights are
/// supported (model_settings.h). Throws Error that says what is missing (a VAE, a tokenizer, settings) and
/// which option provides it.
ModelParts read_model(const ModelFiles& files);
/// The same, but a single-file checkpoint may lack a tokenizer; the folder is empty then.
ModelParts read_networks(const ModelFiles& files);

/// Throws an Error that names file and key if the networks do not match: widths of text encoders, pooled
/// embedding and UNet, channels of UNet and VAE.
void check_agreement(const ModelParts& parts);

/// Sets what the UNet was found to predict, for parts with settings.prediction_unknown. Checkpoints of Stable
/// Diffusion 2.x that predict the velocity are assumed to be those of 768 pixels, unless a file says their
/// size.
void settle_prediction(ModelParts& parts, PredictionType found);

/// Returns the folders beside a single-file checkpoint that may contain its tokenizer, best first: for
/// dir/NAME.safetensors dir/NAME.tokenizer, dir/tokenizer and dir. That of the second text encoder is
/// dir/NAME.tokenizer_2, if it exists.
std::vector<std::filesystem::path> tokenizer_places(const std::filesystem::path& checkpoint);

/// Reads the VAE of a VAE folder, a diffusers folder, or a file. For `config` see ModelFiles.
/// `scaling_factor` is used for a file if nothing else gives it.
NetworkFiles<VaeConfig> read_any_vae(const std::filesystem::path& path, const std::filesystem::path& config,
                                     double scaling_factor = VaeConfig().scaling_factor);

/// Reads one network of a diffusers folder, with its config.json.
NetworkFiles<UNetConfig> read_unet(const std::filesystem::path& directory);
NetworkFiles<VaeConfig> read_vae(const std::filesystem::path& directory);
/// `second`: the second encoder of XL. If its config.json does not name its class, it has a projection if the
/// weights have one.
NetworkFiles<ClipTextConfig> read_clip_text(const std::filesystem::path& directory, bool second = false);

/// Keys of the metadata of a safetensors file under which a checkpoint contains the config.json of its
/// networks, for settings that the shapes of tensors do not determine.
inline constexpr const char* kUnetSettings = "forgedit.unet";
inline constexpr const char* kVaeSettings = "forgedit.vae";
inline constexpr const char* kTextEncoderSettings = "forgedit.text_encoder";
inline constexpr const char* kTextEncoder2Settings = "forgedit.text_encoder_2";
/// The key for ModelSettings, in the form of carried_settings.
inline constexpr const char* kModelSettings = "forgedit.settings";

}  // namespace forgedit
