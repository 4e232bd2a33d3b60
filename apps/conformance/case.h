#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "forgedit/core/state_dict.h"
#include "forgedit/device/device.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit::conformance {

/// One fixture folder: settings, inputs and expected outputs.
struct Case {
  std::filesystem::path folder;
  std::string name;  ///< the folder's name
  nlohmann::json settings;
  StateDict in, out;
  ComputePolicy policy;

  std::string op() const { return settings.at("op").get<std::string>(); }
  /// A path that case.json gives relative to the folder.
  std::filesystem::path path(const std::string& key) const;
  double number(const std::string& key, double fallback) const { return settings.value(key, fallback); }
  const at::Tensor& input(const std::string& tensor) const;
};

/// Reads case.json, in.safetensors and out.safetensors (if they exist).
Case read_case(const std::filesystem::path& folder, const ComputePolicy& policy);

/// How a computed tensor is compared with the reference.
struct Comparison {
  enum class Kind { rel_l2, max_abs, max_relative, equal } kind = Kind::rel_l2;
  double tolerance = 0;
};

/// The tensors that an op computed, by the names of out.safetensors. Names without a comparison of their own
/// are compared by the case's `rel_l2`.
struct Outputs {
  StateDict tensors;
  std::map<std::string, Comparison> comparisons;
  std::map<std::string, double> differences{};  ///< from references in case.json; must be zero
};

/// The noise schedule and prediction type of a case's settings, under scheduler_config.json's names.
NoiseScheduleOptions noise_of(const Case& fixture);

using Op = std::function<Outputs(const Case&)>;

/// All ops that are covered, by the name in case.json.
const std::map<std::string, Op>& ops();

// One function per op. Each uses only its case.
Outputs clip_tokenize(const Case&);
Outputs clip_text(const Case&);
Outputs sdxl_text(const Case&);
Outputs blip(const Case&);
Outputs unet_forward_backward(const Case&);
Outputs vae_encode_decode(const Case&);
Outputs ddim(const Case&);
Outputs dpm_solver(const Case&);
Outputs interpolate(const Case&);
Outputs forgetting(const Case&);
Outputs finetune_vanilla(const Case&);
Outputs finetune_dreambooth(const Case&);
Outputs finetune_imagic(const Case&);
Outputs edit(const Case&);
Outputs resample(const Case&);
Outputs preprocess(const Case&);
Outputs clip_score(const Case&);
Outputs lpips(const Case&);
Outputs single_file(const Case&);

}  // namespace forgedit::conformance
