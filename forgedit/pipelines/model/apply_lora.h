#pragma once

#include <string>
#include <utility>
#include <vector>

#include "forgedit/io/weights/keymaps/lora.h"
#include "forgedit/pipelines/model/lora_file.h"

namespace forgedit {

/// Networks by their names in LoRA files: "unet", "text_encoder", "text_encoder_2".
using NamedNetworks = std::vector<std::pair<std::string, const torch::nn::Module*>>;

/// Returns their names and parameters, for lora_factors and kohya_lora_names.
std::vector<LoraNetwork> lora_networks(const NamedNetworks& networks);

/// Adds the changes of LoRA files to the weights, which are float32 on the CPU: scale · (alpha / rank) · up ·
/// down, one file after the other. Throws Error for the field "lora" naming file and key: see lora_factors.
void apply_loras(const std::vector<LoraFile>& loras, const NamedNetworks& networks);

/// Throws what apply_loras would throw, except for values that are not finite. Does not read or change
/// weights.
void check_loras(const std::vector<LoraFile>& loras, const NamedNetworks& networks);

/// Returns weight + factor · up · down with the weight's shape, type and device; computed in float32.
at::Tensor with_low_rank(const at::Tensor& weight, const at::Tensor& down, const at::Tensor& up,
                         double factor);

}  // namespace forgedit
