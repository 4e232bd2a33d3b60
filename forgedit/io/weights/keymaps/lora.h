#pragma once

#include <map>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_file.h"

namespace forgedit {

/// The name of a weight's module: "conv_in" for "conv_in.weight".
std::string module_of(const std::string& weight);

/// A network that a LoRA may change.
struct LoraNetwork {
  std::string name;      ///< "unet", "text_encoder" or "text_encoder_2"
  StateDict parameters;  ///< diffusers' names, as in our networks; only the shapes are used
};

/// The change of one weight by a LoRA: (alpha / rank) · up · down. A 1x1 convolution counts as a matrix.
struct LoraFactors {
  std::string network;    ///< LoraNetwork::name
  std::string parameter;  ///< "down_blocks.0.attentions.0.proj_in.weight"
  at::Tensor down, up;    ///< (rank, in) and (out, rank), floating point
  double alpha = 0;
};

/// Returns the factors in a LoRA file. Supports kohya's names (of diffusers' or of the original code's
/// modules), those of diffusers and those of PEFT. Names are matched against the networks' modules. Without
/// an alpha in the file, alpha is the rank. `peft_settings` is the text of the adapter_config.json beside the
/// file, or empty. Throws a failure that begins with `origin` and names the key for: a file that is no LoRA;
/// layers that no network has (those of another family); wrong shapes; LoCon, LoHa, LoKr, DoRA, IA3 and other
/// methods that are not a product of two matrices.
std::vector<LoraFactors> lora_factors(const WeightsFile& file, const std::vector<LoraNetwork>& networks,
                                      const std::string& origin, const std::string& peft_settings = {});

/// Throws the errors of lora_factors that do not depend on the model: keys that no plain LoRA has.
void require_plain_lora(const StateDict& tensors, const std::string& origin);

/// Whether lora_factors needs the values of this tensor. Other tensors may be on the device "meta".
bool is_lora_alpha(const std::string& name);

/// Returns the names of kohya's programs ("lora_unet_conv_in") by network and parameter
/// ("unet.conv_in.weight"). With two text encoders (Stable Diffusion XL), the UNet's modules have the names
/// of the original code, and the encoders are te1 and te2.
std::map<std::string, std::string> kohya_lora_names(const std::vector<LoraNetwork>& networks);

}  // namespace forgedit
