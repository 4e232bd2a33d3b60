#pragma once

#include <string>
#include <utility>
#include <vector>

#include "forgedit/io/weights/keymaps/lora.h"
#include "forgedit/pipelines/model/lora_file.h"

namespace forgedit {

/// Networks by the names that LoRA files have for them: "unet", "text_encoder", "text_encoder_2".
using NamedNetworks = std::vector<std::pair<std::string, const torch::nn::Module*>>;

/// Their names and parameters, for lora_factors and kohya_lora_names.
std::vector<LoraNetwork> lora_networks(const NamedNetworks& networks);

/// Adds what LoRA files hold to the weights, which are float32 on the CPU: scale · (alpha / rank) · up ·
/// down, one file after the other. Throws Error of the field "lora" that names file and key: see
/// lora_factors.
void apply_loras(const std::vector<LoraFile>& loras, const NamedNetworks& networks);

/// Throws what apply_loras would throw, but for values that are not finite; reads and changes no weights.
void check_loras(const std::vector<LoraFile>& loras, const NamedNetworks& networks);

/// weight + factor · up · down, of the weight's shape, type and place; computed in float32.
at::Tensor with_low_rank(const at::Tensor& weight, const at::Tensor& down, const at::Tensor& up,
                         double factor);

}  // namespace forgedit
