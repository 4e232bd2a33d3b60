#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/models/load_network.h"
#include "forgedit/pipelines/model/model_settings.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

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

/// Whether a value means "not set" or "no".
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

/// The prediction type that files state in several places, which must agree.
class Statements {
 public:
  explicit Statements(const Complaint& complaint) : complaint_(complaint) {}

  void predicts(PredictionType type, const std::string& key) { predicts(type, key, complaint_); }
  void predicts(PredictionType type, const std::string& key, const Complaint& complaint) {
    if (prediction_ && *prediction_ != type) {
      complaint.reject(key, std::string(prediction_name(*prediction_)) + " by " + said_by_,
                       prediction_name(type), "two places state what the model predicts, and differ");
    }
    if (prediction_) return;
    prediction_ = type;
    said_by_ = key;
  }
  /// Adds a statement `value` in the words of any program. Rejects unknown words.
  void predicts(const std::string& value, const std::string& key, const Complaint& complaint) {
    if (is_one_of(value, {"epsilon", "eps", "noise"})) {
      return predicts(PredictionType::epsilon, key, complaint);
    }
    if (is_one_of(value, {"v", "v_prediction", "v-prediction", "velocity"})) {
      return predicts(PredictionType::v_prediction, key, complaint);
    }
    complaint.reject(key, "epsilon or v_prediction", value, "other predictions are not supported");
  }
  void has_zero_terminal_snr(const std::string& key) { zero_snr_by_ = key; }
  bool says_prediction() const { return prediction_.has_value(); }
  bool says_zero_terminal_snr() const { return !zero_snr_by_.empty(); }

  void settle(ModelSettings& settings) const {
    settings.prediction_unknown = !prediction_;
    if (prediction_) settings.noise.prediction_type = *prediction_;
    if (zero_snr_by_.empty()) return;
    if (prediction_ != PredictionType::v_prediction) {
      complaint_.reject(zero_snr_by_, "a model that predicts the velocity", "none that says so",
                        "without a signal at the end the noise cannot be predicted");
    }
    if (settings.noise.rescale_betas_zero_snr) return;
    settings.noise.rescale_betas_zero_snr = true;
    settings.timestep_spacing = TimestepSpacing::trailing;  // so that sampling starts from pure noise
  }

 private:
  const Complaint& complaint_;
  std::optional<PredictionType> prediction_;
  std::string said_by_, zero_snr_by_;
};

void read_metadata(const Complaint& complaint, const std::map<std::string, std::string>& metadata,
                   Statements& statements) {
  for (const auto& [key, text] : metadata) {
    const auto value = lower(text);
    if (is_off(value)) continue;
    if (is_one_of(key, {"modelspec.prediction_type", "modelspec.predict_key", "prediction_type",
                        "ss_prediction_type", "ss_model_prediction_type"})) {
      statements.predicts(value, key, complaint);
    }
    // kohya's names of base models end in _v, as does the architecture of 2.x at 768 pixels.
    const bool velocity =
        is_one_of(key, {"ss_v_parameterization", "v_parameterization", "v_pred"}) ||
        (key == "modelspec.architecture" && value.starts_with("stable-diffusion-v2-768-v")) ||
        (key == "ss_base_model_version" && is_one_of(value, {"sd_v2_v", "sd_v1_v"}));
    if (velocity) statements.predicts(PredictionType::v_prediction, key);
    if (is_one_of(key, {"ss_zero_terminal_snr", "zero_terminal_snr", "ztsnr"})) {
      statements.has_zero_terminal_snr(key);
    }
  }
}

/// The names of one family in other programs.
struct FamilyWords {
  CheckpointKind kind;
  const char* architecture;  ///< prefix of `modelspec.architecture`
  const char* base_version;  ///< prefix of `ss_base_model_version`
};
constexpr FamilyWords kFamilies[] = {{CheckpointKind::sd1, "stable-diffusion-v1", "sd_v1"},
                                     {CheckpointKind::sd2, "stable-diffusion-v2", "sd_v2"},
                                     {CheckpointKind::sdxl, "stable-diffusion-xl", "sdxl"}};
/// Uses of a family's networks that this project does not support.
constexpr const char* kOtherUses[] = {"inpaint", "refiner", "edit", "depth",
                                      "unclip",  "turbo",   "lora", "controlnet"};

void check_family(const Complaint& complaint, CheckpointKind kind,
                  const std::map<std::string, std::string>& metadata) {
  constexpr const char* kOtherFamily = "another model family or use";
  const auto family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                   [&](const auto& row) { return row.kind == kind; });
  for (const auto& [key, text] : metadata) {
    const auto value = lower(text);
    if (is_off(value)) continue;
    if (key == "modelspec.architecture") {
      const bool other_use = std::any_of(std::begin(kOtherUses), std::end(kOtherUses), [&](const char* use) {
        return value.find(use) != std::string::npos;
      });
      if (other_use || !value.starts_with(family->architecture)) {
        complaint.reject(key, family->architecture, text, kOtherFamily);
      }
    }
    if (key == "ss_v2" && kind != CheckpointKind::sd2) complaint.reject(key, "False", text, kOtherFamily);
    const bool known = std::any_of(std::begin(kFamilies), std::end(kFamilies),
                                   [&](const auto& row) { return value.starts_with(row.base_version); });
    const bool other = (known && !value.starts_with(family->base_version)) || value.starts_with("sd3") ||
                       value.starts_with("flux");
    if (key == "ss_base_model_version" && other) {
      complaint.reject(key, family->base_version, text, kOtherFamily);
    }
  }
}

/// Reads marker tensors: empty tensors whose names are statements.
void read_marks(const fs::path& file, const SingleFile& checkpoint, Statements& statements) {
  for (const auto& mark : checkpoint.marks) {
    if (mark == "v_pred") statements.predicts(PredictionType::v_prediction, mark);
    if (mark == "ztsnr") statements.has_zero_terminal_snr(mark);
  }
  for (const auto& name : checkpoint.unused) {
    if (is_scale_of_weights(name)) {
      throw failure(file.string() + ": " + name + ": marks scaled 8-bit weights, which are not supported");
    }
  }
}

/// Reads ᾱ of the training, which original checkpoints contain. It must be the schedule of the other
/// settings, or the same with zero terminal SNR.
void read_alphas(const Complaint& complaint, const StateDict& schedule, NoiseScheduleOptions noise,
                 Statements& statements) {
  constexpr double kHalfPrecision = 5e-3;
  constexpr const char* kKey = "alphas_cumprod";
  constexpr const char* kWhy = "another noise schedule than the model's settings describe";
  const auto found = schedule.find(kKey);
  if (found == schedule.end()) return;
  const auto values = found->second.flatten().to(torch::kDouble);
  noise.prediction_type = PredictionType::v_prediction;  // allows any schedule
  const auto described = NoiseSchedule(noise).alphas_cumprod().to(torch::kDouble);
  if (values.numel() != described.numel()) {
    complaint.reject(kKey, std::to_string(described.numel()) + " values", std::to_string(values.numel()),
                     kWhy);
  }
  const auto off = [&](const torch::Tensor& expected) {
    return (values - expected).abs() - kHalfPrecision * expected - 1e-7;
  };
  const auto fits = [&](const torch::Tensor& difference) {
    return !difference.isnan().any().item<bool>() && difference.max().item<double>() <= 0;
  };
  const auto difference = off(described);
  if (fits(difference)) return;
  noise.rescale_betas_zero_snr = true;
  if (fits(off(NoiseSchedule(noise).alphas_cumprod().to(torch::kDouble)))) {
    return statements.has_zero_terminal_snr(kKey);
  }
  const auto worst = difference.argmax().item<std::int64_t>();
  complaint.reject(kKey, fmt::format("{:.5f} at step {}", described[worst].item<double>(), worst),
                   fmt::format("{:.5f}", values[worst].item<double>()), kWhy);
}

/// Returns `text` without spaces and quotes around it.
std::string unquoted(std::string_view text) {
  return std::string(trimmed(text, " \t\r\"'"));
}

double yaml_number(const Complaint& complaint, const std::string& key, const std::string& value) {
  double number = 0;
  const auto* end = value.data() + value.size();
  // Independent of the decimal point of the locale.
  const auto read = std::from_chars(value.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || !(number > 0)) {
    complaint.reject(key, "a positive number", value, "it describes the noise schedule");
  }
  return number;
}

/// Reads the prediction from the class of the denoiser's scaling, as sgm, which trained XL, names it.
void read_yaml_target(const Complaint& complaint, const std::string& key, const std::string& value,
                      Statements& statements) {
  constexpr std::string_view kScaling = "denoiser_scaling.";
  const auto at = value.find(kScaling);
  if (at == std::string::npos) return;
  const auto scaling = value.substr(at + kScaling.size());
  if (scaling == "EpsScaling") return statements.predicts(PredictionType::epsilon, key, complaint);
  if (scaling == "VScaling") return statements.predicts(PredictionType::v_prediction, key, complaint);
  complaint.reject(key, "EpsScaling or VScaling", scaling, "other predictions are not supported");
}

/// Reads one `key: value` of a training config of LDM or sgm, whatever its nesting.
void read_yaml_value(const Complaint& complaint, const std::string& key, const std::string& value,
                     NoiseScheduleOptions& noise, Statements& statements) {
  if (key == "parameterization") statements.predicts(lower(value), key, complaint);
  if (key == "target") read_yaml_target(complaint, key, value, statements);
  if (is_one_of(key, {"zero_terminal_snr", "rescale_betas_zero_snr", "ztsnr"}) && !is_off(lower(value))) {
    statements.has_zero_terminal_snr(key);
  }
  if (key == "beta_schedule" && lower(value) != "linear") {  // LDM's name of scaled_linear
    complaint.reject(key, "linear", value, "other noise schedules are not supported");
  }
  if (key == "linear_start") noise.beta_start = yaml_number(complaint, key, value);
  if (key == "linear_end") noise.beta_end = yaml_number(complaint, key, value);
  if (key == "timesteps" &&
      yaml_number(complaint, key, value) != static_cast<double>(noise.num_train_timesteps)) {
    complaint.reject(key, std::to_string(noise.num_train_timesteps), value,
                     "other noise schedules are not supported");
  }
}

void read_yaml(const fs::path& yaml, NoiseScheduleOptions& noise, Statements& statements) {
  std::error_code ignored;
  if (!fs::is_regular_file(yaml, ignored)) return;
  const auto contents = read_file(yaml, kMaxYamlBytes);
  const Complaint complaint(yaml);
  bool is_training_config = false;
  for (std::string_view rest = contents; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    line = line.substr(0, line.find('#'));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto key = unquoted(line.substr(0, colon)), value = unquoted(line.substr(colon + 1));
    if (!value.empty()) read_yaml_value(complaint, key, value, noise, statements);
    is_training_config = is_training_config || key == "linear_start";
  }
  check_betas(noise, [&](const std::string& key, const std::string& message) {
    throw failure(yaml.string() + ": " + (key == "beta_end" ? "linear_end: " : "linear_start: ") + message);
  });
  // The default of LDM.
  if (is_training_config && !statements.says_prediction()) {
    statements.predicts(PredictionType::epsilon, yaml.filename().string());
  }
}

}  // namespace

std::vector<std::string> read_checkpoint_settings(const fs::path& file, const SingleFile& checkpoint,
                                                  ModelSettings& settings) {
  const Complaint complaint(file);
  Statements statements(complaint);
  if (!settings.prediction_unknown) {
    statements.predicts(settings.noise.prediction_type, "the settings beside it");
  }
  check_family(complaint, checkpoint.kind, checkpoint.metadata);
  read_marks(file, checkpoint, statements);
  read_metadata(complaint, checkpoint.metadata, statements);
  auto yaml = file;
  read_yaml(yaml.replace_extension(".yaml"), settings.noise, statements);
  read_alphas(complaint, checkpoint.schedule, settings.noise, statements);
  if (!statements.says_prediction()) {
    if (checkpoint.kind != CheckpointKind::sd2) {
      statements.predicts(PredictionType::epsilon, "the family");
    } else if (statements.says_zero_terminal_snr()) {
      statements.predicts(PredictionType::v_prediction, "the family");  // the only possible prediction
    }
  }
  statements.settle(settings);

  // For 2.x and XL the UNet reads the published layer, which is never the last.
  std::vector<std::string> notes;
  if (checkpoint.kind != CheckpointKind::sd1) return notes;
  for (const char* key : {"modelspec.encoder_layer", "ss_clip_skip"}) {
    const auto found = checkpoint.metadata.find(key);
    if (found == checkpoint.metadata.end() || found->second == "1" || is_off(lower(found->second))) continue;
    notes.push_back(
        fmt::format("{}: {} {} is ignored: only clip_skip chooses another layer than the last one",
                    file.string(), key, found->second.substr(0, kLongestValue)));
  }
  return notes;
}

}  // namespace forgedit
