#pragma once

#include <filesystem>
#include <map>
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

/// A Stable Diffusion model in memory, on one device: channels-last, nothing requires gradients. Float32,
/// but for the UNet and the VAE's decoder where policy.reduced().
struct StableDiffusion {
  std::optional<ClipTokenizer> tokenizer;
  TokenizerFiles tokenizer_files;
  std::optional<ClipTokenizer> tokenizer_2;  ///< of text_encoder_2
  std::optional<TokenizerFiles> tokenizer_2_files;
  std::filesystem::path folder;  ///< the model's own, or the one its file lies in
  ClipTextModel text_encoder{nullptr};
  /// Where the UNet takes added conditions: its tokens stand behind the first one's, and it gives the pooled
  /// embedding.
  ClipTextModel text_encoder_2{nullptr};
  AutoencoderKL vae{nullptr};
  UNet unet{nullptr};
  ModelSettings settings;
  std::optional<std::int64_t> clip_skip;  ///< as ModelParts has it
  ComputePolicy policy;
  std::vector<std::string> notes;  ///< what people should know of how its files were read
  /// How fine-tuning and generating save memory (`place` sets it). With `offload`, VAE and text encoders are
  /// on the CPU except while they work (text_device).
  MemoryPlan memory;
  /// The UNet's weights as loaded: float32, on the CPU. Empty unless policy.reduced(): then the UNet itself
  /// has bfloat16 ones.
  StateDict unet_float32;
  /// How base_fingerprint is taken; a new way of taking it gets the next number.
  static constexpr int kFingerprintMethod = 3;
  /// Of UNet, text encoders, VAE and settings as loaded, and of clip_skip (with_clip_skip): what a saved edit
  /// belongs to.
  std::string base_fingerprint;

  /// Reads a diffusers folder (unet/, vae/, text_encoder/, tokenizer/) or a checkpoint of one file. Strict:
  /// see load_state.
  static StableDiffusion load(const ModelFiles& files, const ComputePolicy& policy);
  /// The same, still on the CPU as read, for callers that decide on a plan by the model; `place` comes next.
  static StableDiffusion read(const ModelFiles& files, const ComputePolicy& policy);

  /// From where the weights were read to policy.device, in the policy's types, under a plan; load does it.
  /// Once it is there, another plan is for the jobs to come, and networks move where it has them lie
  /// elsewhere.
  void place(const MemoryPlan& plan);

  /// Token ids (1, 77) for text_encoder, on the model's device. What is longer than the model reads is cut
  /// off.
  torch::Tensor tokenize(const std::string& text) const;
  /// What to warn of where `text` is longer than the model reads; empty where it is not.
  std::string too_long(const std::string& text) const;
  /// Where text encoders work: under `offload` two of them stay on the CPU, as beside the UNet not
  /// even the larger one of XL fits into 8 GiB; a text then takes about a second.
  c10::Device text_device() const;
  /// Float32, on the model's device. With two text encoders their states before the last layer (clip_skip:
  /// after another one), side by side, and the second one's projection; else encode_ids (encode_prompt of
  /// diffusers' pipelines).
  TextEmbedding encode_text(const std::string& text);
  /// Token ids (1, 77) as text_encoder alone encodes them, for the gradients of its weights: its last state,
  /// or of clip_skip the final layer norm of an earlier one, (1, 77, width).
  torch::Tensor encode_ids(const torch::Tensor& ids);
  /// The negative embedding of guidance: that of the empty prompt, or zeros if the model was trained with
  /// zeros.
  TextEmbedding encode_unconditional();
  /// Widths of the text encoders' parts of an embedding.
  std::vector<std::int64_t> text_widths() const;
  /// What the UNet gets beside tokens for latents of this size: a row for each of `pooled` (batch, pooled
  /// width), and the picture's size as original and target, uncropped. Nothing for a UNet that takes nothing.
  AddedConditions added_conditions(const torch::Tensor& pooled, std::int64_t latent_height,
                                   std::int64_t latent_width) const;
  /// image (1, 3, height, width) in [-1, 1] -> one sample of the posterior, scaled: (1, 4, height/f,
  /// width/f).
  torch::Tensor encode_image(const torch::Tensor& image, torch::Generator& generator);
  /// Scaled latents (batch, 4, h, w) -> images (batch, 3, h·f, w·f) in [0, 1], float32 on the model's
  /// device.
  torch::Tensor decode_latents(const torch::Tensor& latents);

  /// On a GPU, frees the memory of networks that fine-tuning does not use: the VAE and, unless it learns, the
  /// text encoders. They have the weights that they were loaded with, on the CPU, until `restore_networks`.
  void offload_idle_networks(bool text_learns);
  /// Uploads what fine-tuning has left on the CPU: the VAE, the text encoders, and original weights of the
  /// UNet. Comes before any other use of the networks.
  void restore_networks();

  /// The memory task of this model, without the work itself.
  MemoryTask memory_task(int width, int height) const;

  /// The networks that a LoRA may change.
  NamedNetworks lora_targets() const;

  /// Sides of pictures must be multiples of this: the VAE's factor times the UNet's own halvings.
  std::int64_t size_multiple() const;
  /// Pixels a side that the model was made for.
  std::int64_t native_size() const;

 private:
  void move_to_device();
  at::ScalarType unet_type() const;
  /// The networks beside the UNet.
  std::vector<torch::nn::Module*> networks_beside_unet();
  void place_network(torch::nn::Module& network, const c10::Device& device);

  bool placed_ = false;
  std::map<torch::nn::Module*, StateDict> loaded_float32_;  // as loaded, on the CPU
};

/// A fingerprint of weights with what else decides how texts are encoded; and the weights' own part of it.
std::string with_clip_skip(const std::string& fingerprint, const std::optional<std::int64_t>& clip_skip);
std::string without_clip_skip(const std::string& fingerprint);

/// Throws what StableDiffusion::read would throw for these parts, without reading their weights. Parts
/// without a tokenizer are checked but for that.
void check_model(const ModelParts& parts);

/// Where no file says it, has the UNet itself tell whether it predicts noise or velocity (the test of
/// stable-diffusion.cpp), and settles what depends on it.
void ask_prediction(ModelParts& parts);

/// Loads one network of a diffusers folder with its config.json; also used where only that one is needed.
UNet load_unet(const std::filesystem::path& directory, const c10::Device& device);
AutoencoderKL load_vae(const std::filesystem::path& directory, const c10::Device& device);
ClipTextModel load_clip_text(const std::filesystem::path& directory, const c10::Device& device);

}  // namespace forgedit
