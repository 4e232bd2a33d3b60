#pragma once

#include <map>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_file.h"

namespace forgedit {

/// The module of a weight: "conv_in" of "conv_in.weight".
std::string module_of(const std::string& weight);

/// A network that a LoRA may change.
struct LoraNetwork {
  std::string name;      ///< "unet", "text_encoder" or "text_encoder_2"
  StateDict parameters;  ///< under diffusers' names, as our networks have them; only shapes are looked at
};

/// What a LoRA adds to one weight: (alpha / rank) · up · down. A 1x1 convolution counts as a matrix.
struct LoraFactors {
  std::string network;    ///< LoraNetwork::name
  std::string parameter;  ///< "down_blocks.0.attentions.0.proj_in.weight"
  at::Tensor down, up;    ///< (rank, in) and (out, rank), floating point
  double alpha = 0;
};

/// The factors of a LoRA file: kohya's names (of diffusers' or of the original code's modules), those of
/// diffusers and of PEFT. Names are matched against the networks' real modules. Where the file says no alpha,
/// it is the rank. Throws a failure that starts with `origin` and names the key for: a file that is no LoRA;
/// layers that no network has (another family's); wrong shapes; LoCon, LoHa, LoKr, DoRA, IA3 and whatever
/// else is not a product of two matrices. `peft_settings`: text of the adapter_config.json beside the file,
/// or empty.
std::vector<LoraFactors> lora_factors(const WeightsFile& file, const std::vector<LoraNetwork>& networks,
                                      const std::string& origin, const std::string& peft_settings = {});

/// Throws what lora_factors does for any model: keys that are not of a plain LoRA.
void require_plain_lora(const StateDict& tensors, const std::string& origin);

/// Whether lora_factors needs the values of this tensor: others may be of the device "meta".
bool is_lora_alpha(const std::string& name);

/// By network and parameter ("unet.conv_in.weight"): what kohya's programs call its module, as
/// "lora_unet_conv_in". With two text encoders (Stable Diffusion XL) the UNet's modules have the original
/// code's names, and the encoders are te1 and te2.
std::map<std::string, std::string> kohya_lora_names(const std::vector<LoraNetwork>& networks);

}  // namespace forgedit
