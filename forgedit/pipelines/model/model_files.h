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

/// Where a model's files are. All but `model` may be left empty.
struct ModelFiles {
  std::filesystem::path model;      ///< a diffusers folder, or a checkpoint of one file
  std::filesystem::path vae;        ///< instead of the model's own: VAE or model folder, VAE file, checkpoint
  std::filesystem::path tokenizer;  ///< a folder with vocab.json and merges.txt, or tokenizer.json
  std::filesystem::path config;     ///< a diffusers folder whose settings a checkpoint of one file goes by
  std::filesystem::path hub_cache;  ///< where to look for a tokenizer
  std::filesystem::path clip_vocabulary;  ///< folder of CLIP's published one, where no tokenizer was found
  std::vector<LoraFile> loras;            ///< added to the weights when these are read, in their order
  /// Which layer of the text encoders the UNet reads, counted from the last one (1), as ComfyUI and kohya's
  /// programs count; nothing: usual_clip_skip.
  std::optional<std::int64_t> clip_skip;

  ModelFiles() = default;
  ModelFiles(std::filesystem::path path) : model(std::move(path)) {}  // NOLINT: a path alone is a model
};

/// A network as read: settings, tensors under diffusers' names, and where they came from.
template <class Config>
struct NetworkFiles {
  Config config;
  StateDict weights;
  std::string origin;
  std::vector<std::string> notes;    ///< settings and tensors that are known and not used, for people
  bool config_from_weights = false;  ///< no file says the settings: they come from shapes
};

/// Where a text encoder's tokens come from.
struct TokenizerFiles {
  std::filesystem::path folder;  ///< empty: none was found
  /// What pads, where that is not the folder's to say: OpenCLIP pads with "!", and a checkpoint of one file
  /// may have been given a tokenizer of CLIP's, which pads with the end token.
  std::string pad_token;
};

/// All that StableDiffusion is made of.
struct ModelParts {
  NetworkFiles<UNetConfig> unet;
  NetworkFiles<VaeConfig> vae;
  NetworkFiles<ClipTextConfig> text_encoder;
  /// Where the UNet takes added conditions (XL): a CLIPTextModelWithProjection, whose tokens stand behind the
  /// first one's, and whose projection is the pooled embedding.
  std::optional<NetworkFiles<ClipTextConfig>> text_encoder_2;
  TokenizerFiles tokenizer;
  std::optional<TokenizerFiles> tokenizer_2;  ///< of text_encoder_2
  ModelSettings settings;
  std::optional<std::int64_t> clip_skip;  ///< ModelFiles::clip_skip where it is not the usual one
  std::vector<std::string> notes;         ///< what was read and is not used, for people
};

/// The layer that models with one text encoder, or with two, were trained on: the last one, or the one
/// before it.
std::int64_t usual_clip_skip(bool two_encoders);

/// Whether a model has two text encoders, by its UNet's config.json or by the names of a file's tensors
/// alone. Throws Error where those cannot be read.
bool has_two_text_encoders(const std::filesystem::path& model);

/// Reads a model, its tensors still on their files' maps, and holds the settings beside its weights against
/// what is supported (model_settings.h). Throws Error that says what is missing and which option gives it: a
/// VAE, a tokenizer, settings.
ModelParts read_model(const ModelFiles& files);
/// The same, but a checkpoint of one file may have no tokenizer anywhere: its folder is empty then.
ModelParts read_networks(const ModelFiles& files);

/// Throws an Error that names file and key unless the networks fit each other: widths of text encoders,
/// pooled embedding and UNet, channels of UNet and VAE.
void check_agreement(const ModelParts& parts);

/// For parts with settings.prediction_unknown: what the UNet was found to predict. Checkpoints of Stable
/// Diffusion 2.x that predict the velocity are those of 768 pixels, unless a file says their size.
void settle_prediction(ModelParts& parts, PredictionType found);

/// Where the tokenizer of a checkpoint of one file may lie beside it, best first: for dir/NAME.safetensors
/// dir/NAME.tokenizer, dir/tokenizer and dir. The second text encoder's own one is dir/NAME.tokenizer_2, if
/// any.
std::vector<std::filesystem::path> tokenizer_places(const std::filesystem::path& checkpoint);

/// The VAE of a folder, a whole diffusers folder, or a file; `config`: as ModelFiles has it.
/// `scaling_factor`: of a file that nothing else says it of.
NetworkFiles<VaeConfig> read_any_vae(const std::filesystem::path& path, const std::filesystem::path& config,
                                     double scaling_factor = VaeConfig().scaling_factor);

/// One network of a diffusers folder, with its config.json.
NetworkFiles<UNetConfig> read_unet(const std::filesystem::path& directory);
NetworkFiles<VaeConfig> read_vae(const std::filesystem::path& directory);
/// `second`: of XL. Where its config.json does not name its class, it has a projection if the weights have.
NetworkFiles<ClipTextConfig> read_clip_text(const std::filesystem::path& directory, bool second = false);

/// Keys of a safetensors file's metadata under which a checkpoint carries the settings of its networks, as
/// the text of their config.json: what the tensors' shapes do not tell.
inline constexpr const char* kUnetSettings = "forgedit.unet";
inline constexpr const char* kVaeSettings = "forgedit.vae";
inline constexpr const char* kTextEncoderSettings = "forgedit.text_encoder";
inline constexpr const char* kTextEncoder2Settings = "forgedit.text_encoder_2";
/// The same for ModelSettings, as carried_settings has them.
inline constexpr const char* kModelSettings = "forgedit.settings";

}  // namespace forgedit
