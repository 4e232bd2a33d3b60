#include <spdlog/fmt/fmt.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/models/load_network.h"
#include "forgedit/pipelines/model/model_settings.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOnlyEpsilon = "only models that predict the noise (epsilon) are supported";
constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
constexpr std::size_t kLongestValue = 60;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

bool is_one_of(const std::string& text, std::initializer_list<const char*> choices) {
  return std::any_of(choices.begin(), choices.end(), [&](const char* choice) { return text == choice; });
}

/// What trainers write where they have nothing to say, or say no.
bool is_off(const std::string& value) {
  return is_one_of(value, {"", "none", "null", "false", "no", "0"});
}

class Complaint {
 public:
  explicit Complaint(const fs::path& file) : file_(file) {}
  [[noreturn]] void reject(const std::string& key, const std::string& expected, const std::string& found,
                           const char* why) const {
    throw failure(fmt::format("{}: {}: expected {}, found {}: {}", file_.string(), key, expected,
                              found.substr(0, kLongestValue), why));
  }

 private:
  fs::path file_;
};

void check_prediction(const Complaint& complaint, const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, text] : metadata) {
    const auto value = lower(text);
    if (is_one_of(key, {"modelspec.prediction_type", "prediction_type", "ss_prediction_type",
                        "ss_model_prediction_type"}) &&
        !is_off(value) && value != "epsilon" && value != "eps") {
      complaint.reject(key, "epsilon", text, kOnlyEpsilon);
    }
    if (is_one_of(key, {"ss_v_parameterization", "v_parameterization", "v_pred"}) && !is_off(value)) {
      complaint.reject(key, "False", text, kOnlyEpsilon);
    }
    if (is_one_of(key, {"ss_zero_terminal_snr", "zero_terminal_snr", "ztsnr"}) && !is_off(value)) {
      complaint.reject(key, "False", text, "models of zero terminal SNR are not supported");
    }
  }
}

void check_family(const Complaint& complaint, const std::map<std::string, std::string>& metadata) {
  constexpr const char* kOtherFamily = "another model family";
  constexpr std::string_view kFamily = "stable-diffusion-v1";
  for (const auto& [key, text] : metadata) {
    const auto value = lower(text);
    if (key == "modelspec.architecture" && !is_off(value) &&
        (!value.starts_with(kFamily) || value.find("inpaint") != std::string::npos)) {
      complaint.reject(key, std::string(kFamily), text, kOtherFamily);
    }
    if (key == "ss_v2" && !is_off(value)) complaint.reject(key, "False", text, kOtherFamily);
    const bool other = value.starts_with("sd_v2") || value.starts_with("sdxl") || value.starts_with("sd3") ||
                       value.starts_with("flux");
    if (key == "ss_base_model_version" && other) complaint.reject(key, "sd_v1", text, kOtherFamily);
  }
}

/// Tensors without values whose names are the message.
void check_marks(const fs::path& file, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    std::string what;
    if (name == "v_pred") what = "a v-prediction model";
    if (name == "ztsnr") what = "a model of zero terminal SNR";
    if (name.starts_with("edm_")) what = "a model whose noise is described by sigmas (EDM)";
    if (!what.empty()) throw failure(file.string() + ": " + name + ": marks " + what + "; " + kOnlyEpsilon);
    if (is_scale_of_weights(name)) {
      throw failure(file.string() + ": " + name + ": marks scaled 8-bit weights, which are not read");
    }
  }
}

/// ᾱ of the training, which original checkpoints carry along.
void check_alphas(const Complaint& complaint, const StateDict& schedule) {
  constexpr double kHalfPrecision = 5e-3;
  const auto found = schedule.find("alphas_cumprod");
  if (found == schedule.end()) return;
  const auto published = NoiseSchedule().alphas_cumprod().to(torch::kDouble);
  const auto& alphas = found->second;
  constexpr const char* kKey = "alphas_cumprod";
  if (alphas.numel() != published.numel()) {
    complaint.reject(kKey, std::to_string(published.numel()) + " values", std::to_string(alphas.numel()),
                     "another noise schedule than Stable Diffusion 1.x's");
  }
  const auto values = alphas.flatten().to(torch::kDouble);
  const auto off = (values - published).abs() - kHalfPrecision * published;
  const auto worst = off.argmax().item<std::int64_t>();
  if (off.isnan().any().item<bool>() || off[worst].item<double>() > 0) {
    complaint.reject(kKey, fmt::format("{:.5f} at step {}", published[worst].item<double>(), worst),
                     fmt::format("{:.5f}", values[worst].item<double>()),
                     "another noise schedule than Stable Diffusion 1.x's");
  }
}

/// `text` without spaces and quotes around it.
std::string unquoted(std::string_view text) {
  return std::string(trimmed(text, " \t\r\"'"));
}

/// One `key: value` of LDM's training config; nesting does not matter for these.
void check_yaml_value(const Complaint& complaint, const std::string& key, const std::string& value) {
  constexpr const char* kOtherSchedule = "another noise schedule than Stable Diffusion 1.x's";
  if (key == "parameterization" && lower(value) != "eps") complaint.reject(key, "eps", value, kOnlyEpsilon);
  if (is_one_of(key, {"zero_terminal_snr", "rescale_betas_zero_snr", "ztsnr"}) && !is_off(lower(value))) {
    complaint.reject(key, "false", value, "models of zero terminal SNR are not supported");
  }
  if (key == "beta_schedule" && lower(value) != "linear") {  // LDM's word for scaled_linear
    complaint.reject(key, "linear", value, kOtherSchedule);
  }
  const NoiseScheduleOptions published;
  const std::pair<const char*, double> numbers[] = {
      {"linear_start", published.beta_start},
      {"linear_end", published.beta_end},
      {"timesteps", static_cast<double>(published.num_train_timesteps)}};
  for (const auto& [name, expected] : numbers) {
    if (key != name) continue;
    char* end = nullptr;
    const double found = std::strtod(value.c_str(), &end);
    if (end == value.c_str() || std::abs(found - expected) > 1e-6 * expected) {
      complaint.reject(key, fmt::format("{}", expected), value, kOtherSchedule);
    }
  }
}

void check_yaml(const fs::path& yaml) {
  std::error_code ignored;
  if (!fs::is_regular_file(yaml, ignored)) return;
  const auto contents = read_file(yaml, kMaxYamlBytes);
  const Complaint complaint(yaml);
  for (std::string_view rest = contents; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    line = line.substr(0, line.find('#'));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto value = unquoted(line.substr(colon + 1));
    if (!value.empty()) check_yaml_value(complaint, unquoted(line.substr(0, colon)), value);
  }
}

}  // namespace

std::vector<std::string> check_checkpoint_settings(const fs::path& file, const SingleFile& checkpoint) {
  const Complaint complaint(file);
  check_marks(file, checkpoint.unused);
  check_prediction(complaint, checkpoint.metadata);
  check_family(complaint, checkpoint.metadata);
  check_alphas(complaint, checkpoint.schedule);
  auto yaml = file;
  check_yaml(yaml.replace_extension(".yaml"));

  std::vector<std::string> notes;
  for (const char* key : {"modelspec.encoder_layer", "ss_clip_skip"}) {
    const auto found = checkpoint.metadata.find(key);
    if (found == checkpoint.metadata.end() || found->second == "1" || is_off(lower(found->second))) continue;
    notes.push_back(fmt::format("{}: {} {} is ignored: texts are encoded by the last layer", file.string(),
                                key, found->second.substr(0, kLongestValue)));
  }
  return notes;
}

}  // namespace forgedit
