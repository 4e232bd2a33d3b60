#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/device/device.h"
#include "forgedit/editing/text_embedding.h"
#include "forgedit/models/clip_text.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"
#include "forgedit/pipelines/model/apply_lora.h"
#include "forgedit/pipelines/model/memory_plan.h"
#include "forgedit/pipelines/model/model_files.h"
#include "forgedit/text/clip_tokenizer.h"

namespace forgedit {

/// A Stable Diffusion model in memory, on one device: channels-last, nothing requires gradients. Weights are
/// float32, except those of the UNet and the VAE's decoder if policy.reduced(), and half-precision ones on a
/// CPU (nn/half_weights.h). A model for a GPU must not compute before `place`: until then it is on the CPU.
struct StableDiffusion {
  std::optional<ClipTokenizer> tokenizer;
  TokenizerFiles tokenizer_files;
  std::optional<ClipTokenizer> tokenizer_2;  ///< tokenizer of text_encoder_2
  std::optional<TokenizerFiles> tokenizer_2_files;
  std::filesystem::path folder;  ///< the model's folder, or the folder of its file
  ClipTextModel text_encoder{nullptr};
  /// For a UNet with added conditions: its tokens are concatenated to those of the first one, and it gives
  /// the pooled embedding.
  ClipTextModel text_encoder_2{nullptr};
  AutoencoderKL vae{nullptr};
  UNet unet{nullptr};
  ModelSettings settings;
  std::optional<std::int64_t> clip_skip;  ///< see ModelParts
  ComputePolicy policy;
  std::vector<std::string> notes;  ///< notes for people on how its files were read
  /// How fine-tuning and generating save memory (`place` sets it). With `offload`, VAE and text encoders are
  /// on the CPU except while they compute (text_device).
  MemoryPlan memory;
  /// The UNet's weights as loaded: float32 or half precision, with equal values, on the CPU. Empty unless
  /// policy.reduced(); then the UNet itself has bfloat16 weights.
  StateDict unet_as_loaded;
  /// The version of base_fingerprint. Increase it if the fingerprint is computed in another way.
  static constexpr int kFingerprintMethod = 3;
  /// A fingerprint of UNet, text encoders, VAE and settings as loaded, and of clip_skip (with_clip_skip).
  /// Saved edits can be used only with the model that has it.
  std::string base_fingerprint;

  /// Reads a diffusers folder (unet/, vae/, text_encoder/, tokenizer/) or a single-file checkpoint. Strict:
  /// see load_state.
  static StableDiffusion load(const ModelFiles& files, const ComputePolicy& policy);
  /// The same, but leaves the weights on the CPU, for callers that choose a memory plan by the model. Call
  /// `place` next.
  static StableDiffusion read(const ModelFiles& files, const ComputePolicy& policy);

  /// Moves the weights to policy.device, in the policy's types, under a memory plan; `load` calls it. A later
  /// call changes the plan for the next jobs, and moves networks that the new plan has on another device.
  void place(const MemoryPlan& plan);

  /// Returns token ids (1, 77) for text_encoder, on the model's device. Longer texts are truncated.
  torch::Tensor tokenize(const std::string& text) const;
  /// Returns a warning if `text` is longer than the model reads, else an empty text.
  std::string too_long(const std::string& text) const;
  /// The device on which text encoders compute. Under `offload` two encoders stay on the CPU, because not
  /// even the larger one of XL fits into 8 GiB beside the UNet; a text then takes about a second.
  c10::Device text_device() const;
  /// Returns the embedding of a prompt, float32 on the model's device. With two text encoders: their states
  /// before the last layer (or of the layer clip_skip), side by side, and the second one's projection.
  /// Otherwise encode_ids. The same as encode_prompt of diffusers' pipelines.
  TextEmbedding encode_text(const std::string& text);
  /// Encodes token ids (1, 77) with text_encoder alone, so that gradients reach its weights. Returns its last
  /// state, or with clip_skip the final layer norm of an earlier one, (1, 77, width).
  torch::Tensor encode_ids(const torch::Tensor& ids);
  /// Returns the unconditional embedding of classifier-free guidance: that of the empty prompt, or zeros if
  /// the model was trained with zeros.
  TextEmbedding encode_unconditional();
  /// Returns the widths of the text encoders' parts of an embedding.
  std::vector<std::int64_t> text_widths() const;
  /// Returns the UNet's inputs besides tokens, for latents of this size: a row for each of `pooled` (batch,
  /// pooled width), and the picture's size as original and target size, uncropped. Empty for a UNet without
  /// added conditions.
  AddedConditions added_conditions(const torch::Tensor& pooled, std::int64_t latent_height,
                                   std::int64_t latent_width) const;
  /// Encodes an image (1, 3, height, width) in [-1, 1]. Returns one sample of the posterior, scaled: (1, 4,
  /// height/f, width/f).
  torch::Tensor encode_image(const torch::Tensor& image, torch::Generator& generator);
  /// Decodes scaled latents (batch, 4, h, w). Returns images (batch, 3, h·f, w·f) in [0, 1], float32 on the
  /// model's device.
  torch::Tensor decode_latents(const torch::Tensor& latents);

  /// Returns the memory task of this model, without fine-tuning or generating.
  MemoryTask memory_task(int width, int height) const;

  /// The networks that a LoRA may change.
  NamedNetworks lora_targets() const;

  /// The sides of pictures must be multiples of this: the VAE's factor times the UNet's.
  std::int64_t size_multiple() const;
  /// Pixels per side that the model was trained for.
  std::int64_t native_size() const;

 private:
  void move_to_device();
  at::ScalarType unet_type() const;
  /// Returns all networks except the UNet.
  std::vector<torch::nn::Module*> networks_beside_unet();
  void place_network(torch::nn::Module& network, const c10::Device& device);

  bool placed_ = false;
};

/// Adds clip_skip, which also determines how texts are encoded, to a fingerprint of weights; and removes it.
std::string with_clip_skip(const std::string& fingerprint, const std::optional<std::int64_t>& clip_skip);
std::string without_clip_skip(const std::string& fingerprint);

/// Throws what StableDiffusion::read would throw for these parts, without reading their weights. Parts may
/// lack a tokenizer.
void check_model(const ModelParts& parts);

/// If no file says whether the UNet predicts noise or velocity, tests the UNet for it (the test of
/// stable-diffusion.cpp), and sets what depends on it.
void ask_prediction(ModelParts& parts);

/// Loads one network of a diffusers folder with its config.json, for callers that need only that one.
UNet load_unet(const std::filesystem::path& directory, const c10::Device& device);
AutoencoderKL load_vae(const std::filesystem::path& directory, const c10::Device& device);
ClipTextModel load_clip_text(const std::filesystem::path& directory, const c10::Device& device);

}  // namespace forgedit
