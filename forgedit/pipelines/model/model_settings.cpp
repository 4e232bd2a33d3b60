#include "forgedit/pipelines/model/model_settings.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string, std::less<>>;

/// Samplers whose noise schedule is given by betas.
const Names kSchedulers{"DDIMScheduler",
                        "DDIMInverseScheduler",
                        "DDIMParallelScheduler",
                        "DDPMScheduler",
                        "DDPMParallelScheduler",
                        "DEISMultistepScheduler",
                        "DPMSolverMultistepInverseScheduler",
                        "DPMSolverMultistepScheduler",
                        "DPMSolverSDEScheduler",
                        "DPMSolverSinglestepScheduler",
                        "EulerAncestralDiscreteScheduler",
                        "EulerDiscreteScheduler",
                        "HeunDiscreteScheduler",
                        "IPNDMScheduler",
                        "KDPM2AncestralDiscreteScheduler",
                        "KDPM2DiscreteScheduler",
                        "LMSDiscreteScheduler",
                        "PNDMScheduler",
                        "RePaintScheduler",
                        "SASolverScheduler",
                        "UniPCMultistepScheduler"};
const Names kDistilledSchedulers{"LCMScheduler", "TCDScheduler"};

/// Settings of a sampler that are noted if they are on.
constexpr const char* kSamplerSwitches[] = {"thresholding", "use_karras_sigmas", "use_exponential_sigmas",
                                            "use_beta_sigmas", "use_lu_lambdas"};

const Names kSchedulerKeys{"_class_name",
                           "_diffusers_version",
                           "_name_or_path",
                           "_use_default_values",
                           "algorithm_type",
                           "beta_end",
                           "beta_schedule",
                           "beta_start",
                           "clip_sample",
                           "clip_sample_range",
                           "corrector_order",
                           "disable_corrector",
                           "dynamic_thresholding_ratio",
                           "eta",
                           "euler_at_final",
                           "final_sigmas_type",
                           "flow_shift",
                           "interpolation_type",
                           "lambda_min_clipped",
                           "lower_order_final",
                           "noise_sampler_seed",
                           "num_train_timesteps",
                           "original_inference_steps",
                           "predict_epsilon",
                           "predict_x0",
                           "prediction_type",
                           "predictor_order",
                           "rescale_betas_zero_snr",
                           "s_churn",
                           "s_noise",
                           "s_tmax",
                           "s_tmin",
                           "sample_max_value",
                           "set_alpha_to_one",
                           "set_alpha_to_zero",
                           "sigma_data",
                           "sigma_max",
                           "sigma_min",
                           "skip_prk_steps",
                           "solver_order",
                           "solver_p",
                           "solver_type",
                           "steps_offset",
                           "tau_func",
                           "tensor_format",
                           "thresholding",
                           "time_shift_type",
                           "timestep_scaling",
                           "timestep_spacing",
                           "timestep_type",
                           "trained_betas",
                           "use_beta_sigmas",
                           "use_dynamic_shifting",
                           "use_exponential_sigmas",
                           "use_flow_sigmas",
                           "use_karras_sigmas",
                           "use_lu_lambdas",
                           "variance_type"};

const Names kUnetKeys{"_class_name",
                      "act_fn",
                      "addition_embed_type",
                      "addition_embed_type_num_heads",
                      "addition_time_embed_dim",
                      "attention_head_dim",
                      "attention_type",
                      "block_out_channels",
                      "center_input_sample",
                      "class_embed_type",
                      "class_embeddings_concat",
                      "conv_in_kernel",
                      "conv_out_kernel",
                      "cross_attention_dim",
                      "cross_attention_norm",
                      "down_block_types",
                      "downsample_padding",
                      "dropout",
                      "dual_cross_attention",
                      "encoder_hid_dim",
                      "encoder_hid_dim_type",
                      "flip_sin_to_cos",
                      "freq_shift",
                      "in_channels",
                      "layers_per_block",
                      "mid_block_only_cross_attention",
                      "mid_block_scale_factor",
                      "mid_block_type",
                      "norm_eps",
                      "norm_num_groups",
                      "num_attention_heads",
                      "num_class_embeds",
                      "only_cross_attention",
                      "out_channels",
                      "projection_class_embeddings_input_dim",
                      "resnet_out_scale_factor",
                      "resnet_skip_time_act",
                      "resnet_time_scale_shift",
                      "reverse_transformer_layers_per_block",
                      "sample_size",
                      "time_cond_proj_dim",
                      "time_embedding_act_fn",
                      "time_embedding_dim",
                      "time_embedding_type",
                      "timestep_post_act",
                      "transformer_layers_per_block",
                      "up_block_types",
                      "upcast_attention",
                      "use_linear_projection"};

const Names kVaeKeys{"_class_name",
                     "act_fn",
                     "block_out_channels",
                     "down_block_types",
                     "force_upcast",
                     "in_channels",
                     "latent_channels",
                     "latents_mean",
                     "latents_std",
                     "layers_per_block",
                     "mid_block_add_attention",
                     "norm_num_groups",
                     "out_channels",
                     "sample_size",
                     "scaling_factor",
                     "shift_factor",
                     "up_block_types",
                     "use_post_quant_conv",
                     "use_quant_conv"};

/// Keys that weight averaging and other programs write into config.json. No network uses them.
const Names kBookkeeping{"_diffusers_version", "_name_or_path",  "_use_default_values", "decay",
                         "inv_gamma",          "min_decay",      "optimization_step",   "power",
                         "update_after_step",  "use_ema_warmup", "torch_dtype",         "dtype"};

std::vector<std::string> note_unknown(const fs::path& file, const nlohmann::json& json, const Names& known) {
  std::string names;
  for (const auto& [key, value] : json.items()) {
    const bool empty = value.is_null() || (value.is_boolean() && !value.get<bool>());
    if (empty || known.contains(key) || kBookkeeping.contains(key)) continue;
    names += (names.empty() ? "" : ", ") + key;
  }
  if (names.empty()) return {};
  constexpr std::size_t kLongest = 200;
  if (names.size() > kLongest) names = names.substr(0, kLongest) + " …";
  return {file.string() + ": unknown settings are ignored: " + names};
}

void read_noise_schedule(const ConfigReader& json, ModelSettings& settings) {
  auto& noise = settings.noise;
  const auto name = json.text("beta_schedule", "scaled_linear");
  if (name != "scaled_linear" && name != "linear") {
    json.reject("beta_schedule", "expected scaled_linear or linear, found " + name);
  }
  noise.beta_schedule = name == "linear" ? BetaSchedule::linear : BetaSchedule::scaled_linear;
  noise.beta_start = json.number("beta_start", noise.beta_start);
  noise.beta_end = json.number("beta_end", noise.beta_end);
  check_betas(noise, [&](const char* key, const std::string& message) { json.reject(key, message); });
  const auto steps = static_cast<double>(noise.num_train_timesteps);
  if (const auto found = json.number("num_train_timesteps", steps); found != steps) {
    json.reject("num_train_timesteps", fmt::format("expected {}, found {}", steps, found));
  }
  if (json.has("trained_betas")) {
    json.reject("trained_betas", "expected none: betas are read from beta_start, beta_end and beta_schedule");
  }
  noise.rescale_betas_zero_snr = json.boolean("rescale_betas_zero_snr", false);
  if (noise.rescale_betas_zero_snr && noise.prediction_type == PredictionType::epsilon) {
    json.reject("rescale_betas_zero_snr",
                "expected false, found true: with zero terminal SNR the first step has no signal from which "
                "noise could be predicted");
  }
  for (const char* key : {"sigma_data", "sigma_min", "sigma_max"}) {
    if (json.has(key)) json.reject(key, "expected none: noise described by sigmas (EDM) is not supported");
  }
  if (json.boolean("use_flow_sigmas", false)) {
    json.reject("use_flow_sigmas", "expected false, found true: a flow-matching model");
  }
}

constexpr const char* kZerosKey = "force_zeros_for_empty_prompt";

void read_prediction(const ConfigReader& json, ModelSettings& settings) {
  const auto name = json.text("prediction_type", prediction_name(PredictionType::epsilon));
  const auto prediction = find_prediction(name);
  if (!prediction) json.reject("prediction_type", "expected epsilon or v_prediction, found " + name);
  settings.noise.prediction_type = *prediction;
  if (!json.boolean("predict_epsilon", true)) {
    json.reject("predict_epsilon",
                "expected true, found false: models that predict the image are not supported");
  }
  const auto variance = json.text("variance_type", "fixed_small");
  if (variance.starts_with("learned")) {
    json.reject("variance_type", "expected a fixed one, found " + variance);
  }
}

/// Reads the timestep spacing that a model was made for. Among the usual ones, a sampler chooses its own.
std::vector<std::string> read_steps(const ConfigReader& json, const fs::path& file, ModelSettings& settings) {
  const auto spacing = json.text("timestep_spacing", "leading");
  if (spacing == "trailing" && settings.noise.prediction_type == PredictionType::v_prediction) {
    settings.timestep_spacing = TimestepSpacing::trailing;
  } else if (spacing != "leading" && spacing != "linspace") {
    json.reject("timestep_spacing",
                "expected leading or linspace, found " + spacing +
                    (spacing == "trailing" ? ": a model of few steps (Turbo, Lightning)" : ""));
  }
  const auto type = json.text("timestep_type", "discrete");
  if (type != "discrete") json.reject("timestep_type", "expected discrete, found " + type);
  std::string set = spacing == "linspace" ? "timestep_spacing " + spacing : "";
  for (const char* key : kSamplerSwitches) {
    if (json.boolean(key, false)) set += (set.empty() ? "" : ", ") + std::string(key);
  }
  if (set.empty()) return {};
  return {file.string() + ": settings of the model's own sampler are ignored: " + set};
}

}  // namespace

void check_betas(const NoiseScheduleOptions& noise,
                 const std::function<void(const char* key, const std::string& message)>& reject) {
  for (const auto& [key, beta] : {std::pair{"beta_start", noise.beta_start}, {"beta_end", noise.beta_end}}) {
    if (beta > 0 && beta < 1) continue;
    reject(key, fmt::format("expected a number between 0 and 1, found {}", beta));
  }
  if (noise.beta_end < noise.beta_start) reject("beta_end", "expected no less than beta_start");
}

std::vector<std::string> read_scheduler_config(const fs::path& file, ModelSettings& settings) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  const auto object = read_json_object(file);
  const ConfigReader json(file.string(), object);
  const auto name = json.text("_class_name", "DDIMScheduler");
  if (kDistilledSchedulers.contains(name)) {
    json.reject("_class_name", "expected a sampler of Stable Diffusion, found " + name +
                                   ": a consistency-distilled (LCM) model; it is not supported");
  }
  if (!kSchedulers.contains(name)) {
    json.reject("_class_name", "expected a sampler of Stable Diffusion, found " + name);
  }
  read_prediction(json, settings);
  read_noise_schedule(json, settings);
  auto notes = read_steps(json, file, settings);
  for (auto& note : note_unknown(file, object, kSchedulerKeys)) notes.push_back(std::move(note));
  return notes;
}

nlohmann::json scheduler_json(const ModelSettings& settings) {
  const auto& noise = settings.noise;
  const bool linear = noise.beta_schedule == BetaSchedule::linear;
  nlohmann::json json{{"_class_name", "DDIMScheduler"},
                      {"beta_start", noise.beta_start},
                      {"beta_end", noise.beta_end},
                      {"beta_schedule", linear ? "linear" : "scaled_linear"},
                      {"num_train_timesteps", noise.num_train_timesteps},
                      {"clip_sample", false},
                      {"set_alpha_to_one", false},
                      {"steps_offset", 0}};
  // The default of all readers is not written.
  if (noise.prediction_type != PredictionType::epsilon) {
    json["prediction_type"] = prediction_name(noise.prediction_type);
  }
  if (noise.rescale_betas_zero_snr) json["rescale_betas_zero_snr"] = true;
  if (settings.timestep_spacing == TimestepSpacing::trailing) json["timestep_spacing"] = "trailing";
  return json;
}

nlohmann::json carried_settings(const ModelSettings& settings) {
  auto json = scheduler_json(settings);
  json[kZerosKey] = settings.zeros_for_empty_prompt;
  return json;
}

void read_carried_settings(const std::string& origin, const std::string& text, ModelSettings& settings) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) throw failure(origin + ": expected a JSON object in the metadata");
  const ConfigReader json(origin, object);
  read_prediction(json, settings);
  read_noise_schedule(json, settings);
  read_steps(json, origin, settings);
  settings.prediction_unknown = false;
  settings.zeros_for_empty_prompt = json.boolean(kZerosKey, settings.zeros_for_empty_prompt);
}

void read_model_index(const fs::path& file, ModelSettings& settings) {
  static constexpr const char* kXl = "StableDiffusionXLPipeline";
  // Pipelines with the same networks for another use.
  static const Names kPipelines{"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
                                "StableDiffusionInpaintPipelineLegacy", "StableDiffusionPipelineSafe", kXl};
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  const ConfigReader json(file);
  const auto name = json.text("_class_name", "StableDiffusionPipeline");
  if (!kPipelines.contains(name)) {
    json.reject("_class_name", "expected StableDiffusionPipeline or " + std::string(kXl) + ", found " + name);
  }
  if (json.boolean("requires_aesthetics_score", false)) {
    json.reject("requires_aesthetics_score", "expected false, found true: a Stable Diffusion XL refiner");
  }
  settings.zeros_for_empty_prompt = json.boolean(kZerosKey, name == kXl);
}

std::vector<std::string> note_unknown_settings(const fs::path& file, const std::string& network) {
  return note_unknown(file, read_json_object(file), network == "unet" ? kUnetKeys : kVaeKeys);
}

}  // namespace forgedit
