#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

/// The file's name in a model folder.
inline constexpr const char* kModelDefaultsFile = "forgedit.json";

/// A model's own defaults of fine-tuning and sampling. A published schedule was made for one model; another
/// one may need another learning rate.
struct ModelDefaults {
  std::map<std::string, double> learning;    ///< by the names of learn_numbers(), of method vanilla
  std::optional<bool> stratified_timesteps;  ///< see LearnOptions
  std::optional<std::int64_t> steps;         ///< of the sampler that is the default
  std::optional<double> guidance_scale;

  bool empty() const { return learning.empty() && !stratified_timesteps && !steps && !guidance_scale; }
};

/// {"format": 1, "learning": {"unet_lr": 1e-4, …}, "sampling": {"steps": 25, "guidance_scale": 3}} out of a
/// model's folder; empty where it has no such file, or `model` is a file. Throws Error with file and key for
/// anything that it does not know or that is out of range.
ModelDefaults read_model_defaults(const std::filesystem::path& model);

/// For people, a line for each part: "learning: samples 1600, unet_lr 0.0001".
std::vector<std::string> defaults_text(const ModelDefaults& defaults);

}  // namespace forgedit
