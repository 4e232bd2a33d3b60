#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

/// The name of the file in a model folder.
inline constexpr const char* kModelDefaultsFile = "forgedit.json";

/// A model's own defaults of fine-tuning and sampling. The published settings were made for one model;
/// another one may need another learning rate.
struct ModelDefaults {
  std::map<std::string, double> learning;    ///< for method vanilla, by the names of learn_numbers()
  std::optional<bool> stratified_timesteps;  ///< see LearnOptions
  std::optional<std::int64_t> steps;         ///< sampling steps of the default sampler
  std::optional<double> guidance_scale;

  bool empty() const { return learning.empty() && !stratified_timesteps && !steps && !guidance_scale; }
};

/// Reads {"format": 1, "learning": {"unet_lr": 1e-4, …}, "sampling": {"steps": 25, "guidance_scale": 3}} from
/// a model's folder. Empty if it has no such file, or if `model` is a file. Throws Error with file and key
/// for unknown keys and values out of range.
ModelDefaults read_model_defaults(const std::filesystem::path& model);

/// Describes the defaults, with a line for each part: "learning: samples 1600, unet_lr 0.0001".
std::vector<std::string> defaults_text(const ModelDefaults& defaults);

}  // namespace forgedit
