#include "forgedit/io/weights/keymaps/lora.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/checkpoint_kind.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kPeftPrefix = "base_model.model.";
constexpr std::string_view kTextModel = "text_model.";

enum class Part { down, up, alpha };

struct PartEnd {
  std::string_view end;
  Part part;
};
constexpr std::array<PartEnd, 13> kPartEnds{{{".lora_down.weight", Part::down},
                                             {".lora_up.weight", Part::up},
                                             {".lora_A.weight", Part::down},
                                             {".lora_B.weight", Part::up},
                                             {".lora_A.default.weight", Part::down},
                                             {".lora_B.default.weight", Part::up},
                                             {".lora.down.weight", Part::down},
                                             {".lora.up.weight", Part::up},
                                             {".lora_linear_layer.down.weight", Part::down},
                                             {".lora_linear_layer.up.weight", Part::up},
                                             {"_lora.down.weight", Part::down},
                                             {"_lora.up.weight", Part::up},
                                             {".alpha", Part::alpha}}};

/// Other methods of changing weights, recognised by a part of their keys.
struct OtherMethod {
  std::string_view sign;
  const char* name;
};
constexpr std::array<OtherMethod, 10> kOtherMethods{{{"lora_mid", "LoCon (lora_mid)"},
                                                     {"hada_", "LoHa"},
                                                     {"lokr_", "LoKr"},
                                                     {"dora_scale", "DoRA"},
                                                     {"lora_magnitude", "DoRA"},
                                                     {".on_input", "IA3"},
                                                     {"ia3_", "IA3"},
                                                     {"oft_", "OFT"},
                                                     {".diff", "a full difference of weights"},
                                                     {"bundle_emb", "a bundled textual inversion"}}};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

/// The transformers name of a text encoder's module.
std::string published_name(const std::string& module) {
  return starts_with(module, "text_projection") ? module : std::string(kTextModel) + module;
}

/// Names of linear layers and convolutions. Embedding tables are matrices too, but no LoRA adapts them.
std::vector<std::string> modules_of(const StateDict& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : parameters) {
    if ((tensor.dim() != 2 && tensor.dim() != 4) || !ends_with(name, kWeight)) continue;
    if (ends_with(name, "embedding.weight")) continue;
    names.push_back(module_of(name));
  }
  return names;
}

/// Maps diffusers' names of a UNet's modules to those of the original code.
std::map<std::string, std::string> original_names(const StateDict& unet) {
  StateDict numbered;  // a tensor's value is the index of its name
  std::vector<std::string> modules;
  for (const auto& [name, tensor] : unet) {
    numbered.emplace(name, torch::tensor(static_cast<std::int64_t>(modules.size())));
    modules.push_back(name);
  }
  std::map<std::string, std::string> names;
  for (const auto& [name, number] : without_prefix(unet_to_ldm(numbered), kLdmUnetPrefix)) {
    const auto& own = modules[static_cast<std::size_t>(number.item<std::int64_t>())];
    if (!ends_with(own, kWeight)) continue;
    names.emplace(module_of(own), module_of(name));
  }
  return names;
}

/// Whether the weight is a convolution of more than one pixel.
bool is_large(const at::Tensor& weight) {
  return weight.dim() == 4 && weight.size(2) * weight.size(3) > 1;
}

std::string locon_text(const at::Tensor& weight) {
  return "expected a plain LoRA, found LoCon (a convolution of " + shape_text(weight.sizes().slice(2)) + ")";
}

/// The part of a LoRA that a key names; null if it is none.
const PartEnd* part_of(const std::string& key) {
  for (const auto& known : kPartEnds) {
    if (ends_with(key, known.end)) return &known;
  }
  return nullptr;
}

/// Returns the part of a key that names a module: without the suffix of `part`, and with the present names
/// for keys of old diffusers versions.
std::string stem_of(std::string key, const PartEnd& part) {
  key.resize(key.size() - part.end.size());
  if (starts_with(key, kPeftPrefix)) key = key.substr(kPeftPrefix.size());
  if (part.end.front() != '_') return key;
  // diffusers before 0.22: attn1.processor.to_q_lora, and self_attn.to_q_lora in text encoders
  if (const auto at = key.find(".processor."); at != std::string::npos) {
    key.erase(at, std::string_view(".processor").size());
  }
  const auto dot = key.rfind('.') + 1;
  const auto name = key.substr(dot);
  if (contains(key, ".self_attn.") && starts_with(name, "to_")) {
    return key.substr(0, dot) + name.substr(std::string_view("to_").size()) + "_proj";
  }
  return name == "to_out" ? key + ".0" : key;
}

/// The family that the file was made for; empty if unknown.
std::string family_of(const StateDict& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (contains(name, "single_transformer_blocks") || contains(name, "single_blocks")) return "Flux";
    if (contains(name, "joint_blocks") || contains(name, "lora_te3_")) return "Stable Diffusion 3";
    if (contains(name, "lora_te2_") || starts_with(name, "text_encoder_2.")) return "Stable Diffusion XL";
    // The inputs of cross-attention's keys are the text embedding, whose width differs between families.
    const bool reads_text = contains(name, "attn2_to_k") || contains(name, "attn2.to_k");
    const bool down = contains(name, "down.weight") || contains(name, "lora_A");
    if (!reads_text || !down || tensor.dim() < 2) continue;
    if (tensor.size(1) == 768) return "Stable Diffusion 1.x";
    if (tensor.size(1) == 1024) return "Stable Diffusion 2.x";
    if (tensor.size(1) == 2048) return "Stable Diffusion XL";
  }
  return {};
}

/// Settings of PEFT stored with the tensors. A network's own settings are under its name.
class PeftSettings {
 public:
  PeftSettings(const WeightsFile& file, const std::string& text, const std::string& origin) {
    const auto found = file.metadata.find("lora_adapter_metadata");
    in_metadata_ = found != file.metadata.end();
    if (!in_metadata_ && text.empty()) return;
    settings_ = json::parse(in_metadata_ ? found->second : text, nullptr, /*allow_exceptions=*/false);
    where_ = origin + ": " + (in_metadata_ ? "lora_adapter_metadata" : "adapter_config.json");
    if (!settings_.is_object()) throw failure(where_ + ": expected a JSON object");
  }
  /// alpha for layers for which the file has none.
  std::optional<double> alpha(const std::string& network) const {
    if (settings_.is_null()) return {};
    for (const char* key : {"use_dora", "use_rslora"}) {
      if (value(network, key) == true) reject(network, key, "a plain LoRA");
    }
    if (const auto pattern = value(network, "alpha_pattern"); pattern.is_object() && !pattern.empty()) {
      reject(network, "alpha_pattern", "one alpha for all layers");
    }
    const auto alpha = value(network, "lora_alpha");
    if (alpha.is_null()) return {};
    if (!alpha.is_number()) reject(network, "lora_alpha", "a number");
    return alpha.get<double>();
  }

 private:
  std::string key_of(const std::string& network, const char* key) const {
    return in_metadata_ ? network + "." + key : key;
  }
  json value(const std::string& network, const char* key) const {
    return settings_.value(key_of(network, key), json());
  }
  [[noreturn]] void reject(const std::string& network, const char* key, const char* expected) const {
    throw failure(where_ + ": " + key_of(network, key) + ": expected " + expected + ", found " +
                  value(network, key).dump());
  }

  bool in_metadata_ = false;
  json settings_;
  std::string where_;
};

class LoraReader {
 public:
  LoraReader(const WeightsFile& file, const std::vector<LoraNetwork>& networks, const std::string& origin,
             const std::string& peft_settings)
      : tensors_(file.tensors), origin_(origin), peft_(file, peft_settings, origin) {
    for (const auto& network : networks) add(network);
  }

  std::vector<LoraFactors> read() {
    require_kind(checkpoint_kind(tensors_), CheckpointKind::lora, origin_);
    require_plain_lora(tensors_, origin_);
    for (const auto& [key, tensor] : tensors_) take(key, tensor);
    std::vector<LoraFactors> result;
    for (const auto& [target, found] : found_) result.push_back(finish(*target, found));
    return result;
  }

 private:
  struct Target {
    std::string network, parameter;
    at::Tensor weight;
  };
  struct Found {
    std::string down_key, up_key, alpha_key;
  };

  void add(const LoraNetwork& network) {
    const bool unet = network.name == "unet";
    const auto original = unet ? original_names(network.parameters) : std::map<std::string, std::string>();
    for (const auto& module : modules_of(network.parameters)) {
      const auto parameter = module + std::string(kWeight);
      targets_.push_back({network.name, parameter, network.parameters.at(parameter)});
      const auto* target = &targets_.back();
      const auto name = [&](const std::string& stem) { by_stem_.emplace(stem, target); };
      if (unet) {
        name("lora_unet_" + with_underscores(module));
        name("lora_unet_" + with_underscores(original.at(module)));
        name("unet." + module);
        name(module);
        continue;
      }
      const auto published = published_name(module);
      const bool second = network.name == "text_encoder_2";
      for (const char* prefix : second ? std::vector{"lora_te2_"} : std::vector{"lora_te_", "lora_te1_"}) {
        name(prefix + with_underscores(published));
      }
      name(network.name + "." + published);
      if (!second) name(published);
    }
  }

  void take(const std::string& key, const at::Tensor& tensor) {
    const auto* part = part_of(key);
    const auto target = by_stem_.find(stem_of(key, *part));
    if (target == by_stem_.end()) reject(key, "this model has no such layer" + made_for());
    // Some of kohya's tools write alphas as integers.
    if (part->part != Part::alpha && !tensor.is_floating_point()) {
      reject(key, "expected floating point, found " + std::string(tensor.dtype().name()));
    }
    auto& found = found_[target->second];
    auto& place = part->part == Part::down ? found.down_key
                  : part->part == Part::up ? found.up_key
                                           : found.alpha_key;
    if (!place.empty()) reject(key, "there under two names, the other is " + place);
    place = key;
  }

  LoraFactors finish(const Target& target, const Found& found) const {
    const auto any =
        found.down_key.empty() ? found.up_key.empty() ? found.alpha_key : found.up_key : found.down_key;
    if (found.down_key.empty() || found.up_key.empty()) {
      reject(any, std::string("its other half is missing: expected ") +
                      (found.down_key.empty() ? "lora_down" : "lora_up"));
    }
    const auto& weight = target.weight;
    const auto down = tensors_.at(found.down_key), up = tensors_.at(found.up_key);
    if (is_large(weight)) reject(found.down_key, locon_text(weight));
    const auto rank = down.dim() > 0 ? down.size(0) : 0;
    check_shape(found.down_key, down, {std::max<std::int64_t>(rank, 1), weight.size(1)});
    check_shape(found.up_key, up, {weight.size(0), rank});
    return {target.network, target.parameter, down.flatten(1), up.flatten(1),
            alpha_of(target.network, found, rank)};
  }

  void check_shape(const std::string& key, const at::Tensor& tensor, std::vector<std::int64_t> shape) const {
    if (tensor.dim() == 4) shape.insert(shape.end(), {1, 1});
    if (tensor.sizes() == shape) return;
    reject(key, "expected " + shape_text(shape) + ", found " + shape_text(tensor.sizes()) + made_for());
  }

  double alpha_of(const std::string& network, const Found& found, std::int64_t rank) const {
    if (found.alpha_key.empty()) return peft_.alpha(network).value_or(static_cast<double>(rank));
    const auto& tensor = tensors_.at(found.alpha_key);
    if (tensor.numel() != 1)
      reject(found.alpha_key, "expected one number, found " + shape_text(tensor.sizes()));
    const auto alpha = tensor.to(at::kDouble).item<double>();
    if (!std::isfinite(alpha)) reject(found.alpha_key, "expected a finite number");
    return alpha;
  }

  std::string made_for() const {
    const auto family = family_of(tensors_);
    return family.empty() ? "" : ": a LoRA for " + family;
  }
  [[noreturn]] void reject(const std::string& key, const std::string& message) const {
    throw failure(origin_ + ": " + key + ": " + message);
  }

  const StateDict& tensors_;
  const std::string& origin_;
  PeftSettings peft_;
  std::deque<Target> targets_;
  std::unordered_map<std::string, const Target*> by_stem_;
  std::map<const Target*, Found> found_;
};

}  // namespace

std::string module_of(const std::string& weight) {
  return weight.substr(0, weight.size() - kWeight.size());
}

void require_plain_lora(const StateDict& tensors, const std::string& origin) {
  for (const auto& [key, tensor] : tensors) {
    for (const auto& other : kOtherMethods) {
      if (!contains(key, other.sign)) continue;
      throw failure(origin + ": " + key + ": expected a plain LoRA, found " + other.name);
    }
    const auto* part = part_of(key);
    if (!part) {
      throw failure(origin + ": " + key + ": not part of a LoRA: expected lora_down, lora_up or alpha");
    }
    if (part->part == Part::down && is_large(tensor)) {
      throw failure(origin + ": " + key + ": " + locon_text(tensor));
    }
  }
}

std::vector<LoraFactors> lora_factors(const WeightsFile& file, const std::vector<LoraNetwork>& networks,
                                      const std::string& origin, const std::string& peft_settings) {
  return LoraReader(file, networks, origin, peft_settings).read();
}

bool is_lora_alpha(const std::string& name) {
  return ends_with(name, ".alpha");
}

std::map<std::string, std::string> kohya_lora_names(const std::vector<LoraNetwork>& networks) {
  const bool two_encoders = std::any_of(networks.begin(), networks.end(), [](const LoraNetwork& network) {
    return network.name == "text_encoder_2";
  });
  std::map<std::string, std::string> names;
  for (const auto& network : networks) {
    const bool unet = network.name == "unet";
    const auto original =
        unet && two_encoders ? original_names(network.parameters) : std::map<std::string, std::string>();
    const char* prefix = unet                               ? "lora_unet_"
                         : network.name == "text_encoder_2" ? "lora_te2_"
                         : two_encoders                     ? "lora_te1_"
                                                            : "lora_te_";
    for (const auto& module : modules_of(network.parameters)) {
      const auto name = !unet ? published_name(module) : original.empty() ? module : original.at(module);
      names.emplace(network.name + "." + module + std::string(kWeight), prefix + with_underscores(name));
    }
  }
  return names;
}

}  // namespace forgedit
