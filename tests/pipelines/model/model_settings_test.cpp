// Settings that change what the same weights compute are used or rejected by name, and `inspect` says of
// every model what loading it says.
#include "forgedit/pipelines/model/model_settings.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "forgedit/pipelines/records/inspect.h"
#include "forgedit/schedulers/noise_schedule.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;

const fs::path kModel = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";

class ModelSettings : public testing::TemporaryFolder {
 protected:
  void SetUp() override { fs::copy(kModel, model_, fs::copy_options::recursive); }

  void set(const std::string& file, const json& changes) const {
    auto config = read_json_object(kModel / file);
    config.update(changes);
    write_file_atomically(model_ / file, config.dump());
  }
  void restore(const std::string& file) const { set(file, json::object()); }

  /// The line by which loading refuses the model; inspecting must give the same one.
  std::string refused() const {
    const auto message = message_of([&] { StableDiffusion::read(model_, {}); });
    EXPECT_TRUE(contains(message, model_.string())) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    const auto inspection = inspect(model_);
    EXPECT_FALSE(inspection.usable) << message;
    EXPECT_EQ(inspection.reasons, (std::vector<std::string>{message}));
    return message;
  }
  /// What is said beside, where the model loads as the unchanged one does.
  std::vector<std::string> notes() const {
    static const auto original = StableDiffusion::read(kModel, {}).base_fingerprint;
    EXPECT_EQ(StableDiffusion::read(model_, {}).base_fingerprint, original);
    const auto inspection = inspect(model_);
    EXPECT_TRUE(inspection.usable);
    EXPECT_EQ(inspection.reasons, std::vector<std::string>());
    const auto said = read_model(model_).notes;
    for (const auto& note : said) {
      EXPECT_EQ(std::count(inspection.notes.begin(), inspection.notes.end(), note), 1) << note;
    }
    return said;
  }

  const fs::path model_ = folder_ / "model";
};

TEST_F(ModelSettings, SchedulersOfOtherModels) {
  const auto betas = std::vector<double>(1000, 0.01);
  const std::tuple<const char*, json, const char*> rows[] = {
      {"beta_start", 1.5, "expected a number between 0 and 1, found 1.5"},
      {"beta_end", -0.02, "expected a number between 0 and 1"},
      {"beta_end", 0.0001, "expected no less than beta_start"},
      {"beta_schedule", "squaredcos_cap_v2", "found squaredcos_cap_v2"},
      {"trained_betas", betas, "expected none"},
      {"num_train_timesteps", 500, "expected 1000"},
      {"rescale_betas_zero_snr", true, "expected false, found true"},
      {"prediction_type", "sample", "expected epsilon or v_prediction, found sample"},
      {"prediction_type", "flow_prediction", "found flow_prediction"},
      {"predict_epsilon", false, "expected true"},
      {"timestep_spacing", "trailing", "expected leading or linspace, found trailing: a model of few steps"},
      {"timestep_spacing", "sideways", "found sideways"},
      {"timestep_type", "continuous", "expected discrete"},
      {"variance_type", "learned_range", "expected a fixed one"},
      {"sigma_data", 0.5, "EDM"},
      {"sigma_max", 120.0, "EDM"},
      {"use_flow_sigmas", true, "flow-matching"},
      {"_class_name", "EDMEulerScheduler", "found EDMEulerScheduler"},
      {"_class_name", "FlowMatchEulerDiscreteScheduler", "found FlowMatch"},
      {"_class_name", "LCMScheduler", "consistency-distilled (LCM)"},
      {"beta_start", "0.1", "expected a number"},
  };
  for (const auto& [key, value, about] : rows) {
    set("scheduler/scheduler_config.json", {{key, value}});
    const auto message = refused();
    EXPECT_TRUE(contains(message, std::string("scheduler_config.json: ") + key + ": ")) << message;
    EXPECT_TRUE(contains(message, about)) << message;
  }
}

TEST_F(ModelSettings, WhatTheSchedulerSaysIsUsed) {
  const auto read = [&](const json& changes) {
    set("scheduler/scheduler_config.json", changes);
    EXPECT_TRUE(inspect(model_).usable) << changes;
    return read_model(model_).settings;
  };
  const auto plain = read(json::object());
  EXPECT_EQ(plain.noise.prediction_type, PredictionType::epsilon);
  EXPECT_FALSE(plain.noise.rescale_betas_zero_snr);
  EXPECT_FALSE(plain.prediction_unknown);
  EXPECT_FALSE(plain.zeros_for_empty_prompt);
  EXPECT_EQ(plain.timestep_spacing, TimestepSpacing::leading);

  const auto other = read({{"beta_start", 0.0001}, {"beta_end", 0.02}, {"beta_schedule", "linear"}});
  EXPECT_EQ(other.noise.beta_start, 0.0001);
  EXPECT_EQ(other.noise.beta_end, 0.02);
  EXPECT_EQ(other.noise.beta_schedule, BetaSchedule::linear);

  const auto velocity = read({{"prediction_type", "v_prediction"}});
  EXPECT_EQ(velocity.noise.prediction_type, PredictionType::v_prediction);
  EXPECT_EQ(velocity.timestep_spacing, TimestepSpacing::leading);
  const auto zero = read({{"prediction_type", "v_prediction"},
                          {"rescale_betas_zero_snr", true},
                          {"timestep_spacing", "trailing"}});
  EXPECT_TRUE(zero.noise.rescale_betas_zero_snr);
  EXPECT_EQ(zero.timestep_spacing, TimestepSpacing::trailing);
  const auto notes = inspect(model_).notes;
  EXPECT_EQ(std::count(notes.begin(), notes.end(), "predicts the velocity, zero terminal SNR"), 1);

  // What is written says the same.
  for (const auto& settings : {plain, other, velocity, zero}) {
    forgedit::ModelSettings again;
    read_carried_settings("x", carried_settings(settings).dump(), again);
    EXPECT_EQ(carried_settings(again), carried_settings(settings));
  }
}

TEST_F(ModelSettings, ChoicesOfASamplerAreTheMethodsOwn) {
  for (const json& neutral :
       {json{{"steps_offset", 1}}, json{{"clip_sample", true}}, json{{"set_alpha_to_one", true}},
        json{
            {"_class_name", "EulerDiscreteScheduler"}, {"sigma_min", nullptr}, {"timestep_type", "discrete"}},
        json{{"_class_name", "DPMSolverMultistepScheduler"}, {"variance_type", nullptr}, {"solver_order", 2}},
        json{{"timestep_spacing", "leading"}, {"thresholding", false}, {"beta_start", 0.00085}}}) {
    set("scheduler/scheduler_config.json", neutral);
    EXPECT_EQ(notes(), std::vector<std::string>()) << neutral;
  }
  set("scheduler/scheduler_config.json", {{"timestep_spacing", "linspace"}, {"use_karras_sigmas", true}});
  ASSERT_EQ(notes().size(), 1U);
  EXPECT_TRUE(contains(notes()[0],
                       "the model's own sampler are ignored: timestep_spacing linspace, use_karras_sigmas"));
  set("scheduler/scheduler_config.json", {{"unheard_of", 3}, {"also", nullptr}});
  ASSERT_EQ(notes().size(), 1U);
  EXPECT_TRUE(contains(notes()[0], "scheduler_config.json: unknown settings are ignored: unheard_of"));
  remove_tree(model_ / "scheduler");
  EXPECT_EQ(notes(), std::vector<std::string>());
}

TEST_F(ModelSettings, ConfigsOfOtherNetworksAndPipelines) {
  const std::tuple<const char*, const char*, json, const char*> rows[] = {
      {"unet/config.json", "prediction_type", "v_prediction", "prediction_type: expected epsilon"},
      {"vae/config.json", "quantization_config", nlohmann::json::object(),
       "quantised weights are not supported"},
      {"unet/config.json", "time_cond_proj_dim", 256, "a consistency-distilled (LCM) UNet"},
      {"unet/config.json", "resnet_out_scale_factor", 1.4, "expected 1.0"},
      {"unet/config.json", "mid_block_scale_factor", 2, "expected 1.0"},
      {"vae/config.json", "shift_factor", 0.1, "another model family"},
      {"text_encoder/config.json", "model_type", "roberta", "expected clip_text_model"},
      {"model_index.json", "_class_name", "LatentConsistencyModelPipeline",
       "expected StableDiffusionPipeline"},
      {"model_index.json", "_class_name", "StableDiffusionInpaintPipeline",
       "expected StableDiffusionPipeline"},
  };
  for (const auto& [file, key, value, about] : rows) {
    set(file, {{key, value}});
    const auto message = refused();
    EXPECT_TRUE(contains(message, std::string(file) + ": " + key + ": ")) << message;
    EXPECT_TRUE(contains(message, about)) << message;
    restore(file);
  }
  set("unet/config.json", {{"unheard_of", "x"}, {"optimization_step", 7}});
  set("model_index.json", {{"_class_name", "StableDiffusionImg2ImgPipeline"},
                           {"safety_checker", {"stable_diffusion", "StableDiffusionSafetyChecker"}},
                           {"image_encoder", {nullptr, nullptr}}});
  ASSERT_EQ(notes().size(), 1U);
  EXPECT_TRUE(contains(notes()[0], "unet/config.json: unknown settings are ignored: unheard_of"));
}

TEST_F(ModelSettings, TensorsThatNoNetworkUses) {
  auto text = read_safetensors(kModel / "text_encoder/model.safetensors").tensors;
  text["text_projection.weight"] = torch::eye(32);
  text["logit_scale"] = torch::ones({});
  text["vision_model.post_layernorm.bias"] = torch::ones({4});
  write_safetensors(model_ / "text_encoder/model.safetensors", text);
  ASSERT_EQ(notes().size(), 1U);
  EXPECT_TRUE(contains(notes()[0],
                       "text_encoder: 3 tensors that Stable Diffusion does not use, such as "
                       "logit_scale: ignored"))
      << notes()[0];

  // The config.json of a whole CLIP beside a whole CLIP.
  const auto inner = read_json_object(kModel / "text_encoder/config.json");
  write_file_atomically(
      model_ / "text_encoder/config.json",
      json{{"model_type", "clip"}, {"text_config", inner}, {"vision_config", json::object()}}.dump());
  EXPECT_EQ(notes().size(), 1U);
  text["text_model.encoder.layers.0.unheard_of"] = torch::ones({1});
  write_safetensors(model_ / "text_encoder/model.safetensors", text);
  EXPECT_TRUE(contains(refused(), "unexpected 1: encoder.layers.0.unheard_of"));
}

TEST_F(ModelSettings, TokenizersOfFolders) {
  write_file_atomically(model_ / "tokenizer/added_tokens.json", R"({"<my-dog>": 1514})");
  EXPECT_TRUE(contains(refused(),
                       "tokenizer/added_tokens.json: \"<my-dog>\": id 1514, but the text encoder has "
                       "1514 token embeddings"));
  fs::remove(model_ / "tokenizer/added_tokens.json");
  fs::remove(model_ / "tokenizer/merges.txt");
  write_file_atomically(model_ / "tokenizer/tokenizer.json", R"({"model": {"type": "WordPiece"}})");
  const auto inspection = inspect(model_);
  EXPECT_FALSE(inspection.usable);
  ASSERT_EQ(inspection.reasons.size(), 1U);
  EXPECT_TRUE(contains(inspection.reasons[0], "tokenizer.json: model.type: expected \"BPE\""));
}

/// The tiny model as one file.
class CheckpointSettings : public ModelSettings {
 protected:
  void SetUp() override {
    const auto parts = read_model(kModel);
    tensors_ = unet_to_ldm(parts.unet.weights);
    tensors_.merge(clip_text_to_ldm(parts.text_encoder.weights));
    tensors_.merge(vae_to_ldm(parts.vae.weights));
    for (const char* name : {"unet", "vae", "text_encoder"}) {
      carried_[std::string("forgedit.") + name] = read_file(kModel / name / "config.json");
    }
  }
  ModelFiles write(const StateDict& more, const std::map<std::string, std::string>& metadata = {}) {
    auto all = tensors_;
    for (const auto& [name, tensor] : more) all[name] = tensor;
    auto carried = carried_;
    for (const auto& [key, value] : metadata) carried[key] = value;
    write_safetensors(file_, all, carried);
    ModelFiles files(file_);
    files.tokenizer = kModel / "tokenizer";
    return files;
  }
  std::string refused(const StateDict& more, const std::map<std::string, std::string>& metadata = {}) {
    const auto files = write(more, metadata);
    const auto message = message_of([&] { StableDiffusion::read(files, {}); });
    EXPECT_TRUE(contains(message, (folder_ / "one").string())) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    const auto inspection = inspect(file_);
    EXPECT_FALSE(inspection.usable) << message;
    EXPECT_EQ(inspection.reasons, (std::vector<std::string>{message}));
    return message;
  }
  std::vector<std::string> notes(const StateDict& more,
                                 const std::map<std::string, std::string>& metadata = {}) {
    static const auto original = StableDiffusion::read(kModel, {}).base_fingerprint;
    const auto files = write(more, metadata);
    EXPECT_EQ(StableDiffusion::read(files, {}).base_fingerprint, original);
    const auto inspection = inspect(file_);
    EXPECT_TRUE(inspection.usable);
    EXPECT_EQ(inspection.reasons, std::vector<std::string>());
    return read_model(files).notes;
  }

  const fs::path file_ = folder_ / "one.safetensors";
  StateDict tensors_;
  std::map<std::string, std::string> carried_;
};

TEST_F(CheckpointSettings, MarksAndMetadata) {
  const auto mark = torch::empty({0});
  const auto read = [&](const StateDict& more, const std::map<std::string, std::string>& metadata = {}) {
    const auto files = write(more, metadata);
    EXPECT_TRUE(inspect(file_).usable);
    const auto parts = read_model(files);
    EXPECT_EQ(parts.notes, std::vector<std::string>());
    EXPECT_FALSE(parts.settings.prediction_unknown);
    return parts.settings;
  };
  EXPECT_EQ(read({}).noise.prediction_type, PredictionType::epsilon);
  const auto velocity = read({{"v_pred", mark}});
  EXPECT_EQ(velocity.noise.prediction_type, PredictionType::v_prediction);
  EXPECT_FALSE(velocity.noise.rescale_betas_zero_snr);
  const auto zero = read({{"v_pred", mark}, {"ztsnr", mark}});
  EXPECT_TRUE(zero.noise.rescale_betas_zero_snr);
  EXPECT_EQ(zero.timestep_spacing, TimestepSpacing::trailing);
  for (const auto& [key, value] : {std::pair{"modelspec.prediction_type", "v"},
                                   {"modelspec.predict_key", "v"},
                                   {"ss_prediction_type", "v_prediction"},
                                   {"ss_v_parameterization", "True"},
                                   {"ss_base_model_version", "sd_v1_v"}}) {
    EXPECT_EQ(read({}, {{key, value}}).noise.prediction_type, PredictionType::v_prediction) << key;
  }
  EXPECT_TRUE(contains(refused({{"ztsnr", mark}}), "ztsnr: expected a model that predicts the velocity"));
  EXPECT_TRUE(contains(refused({{"v_pred", mark}}, {{"modelspec.prediction_type", "epsilon"}}),
                       "modelspec.prediction_type: expected v_prediction by v_pred, found epsilon"));
  for (const auto& [name, about] : {std::pair{"edm_mean", "found a Playground v2.5 model (edm_mean"},
                                    {"edm_vpred.sigma_max", "found a CosXL model (edm_vpred.sigma_max"},
                                    {"edm_other", "found an EDM model"}}) {
    const auto files = write({{name, mark}});
    EXPECT_TRUE(contains(message_of([&] { read_model(files); }), about)) << name;
    EXPECT_FALSE(inspect(file_).usable) << name;
  }
  EXPECT_TRUE(contains(refused({{"scaled_fp8", mark}}), "scaled_fp8: marks scaled 8-bit weights"));
  EXPECT_TRUE(contains(refused({{"model.diffusion_model.out.2.scale_weight", torch::ones({1})}}),
                       "scale_weight: scaled or quantised"));
  const std::pair<const char*, const char*> rows[] = {
      {"modelspec.prediction_type", "sample"},
      {"modelspec.architecture", "stable-diffusion-v2-768-v"},
      {"modelspec.architecture", "stable-diffusion-xl-v1-base"},
      {"modelspec.architecture", "stable-diffusion-v1-inpainting"},
      {"ss_v2", "True"},
      {"ss_base_model_version", "sdxl_base_v1-0"},
  };
  for (const auto& [key, value] : rows) {
    const auto message = refused({}, {{key, value}});
    EXPECT_TRUE(contains(message, std::string("one.safetensors: ") + key + ": expected ")) << message;
    EXPECT_TRUE(contains(message, std::string("found ") + value)) << message;
  }
  EXPECT_EQ(notes({}, {{"modelspec.prediction_type", "epsilon"},
                       {"modelspec.architecture", "stable-diffusion-v1"},
                       {"ss_v_parameterization", "False"},
                       {"ss_v2", "False"},
                       {"ss_base_model_version", "sd_v1"},
                       {"ss_zero_terminal_snr", "None"},
                       {"modelspec.encoder_layer", "1"}}),
            std::vector<std::string>());
  EXPECT_TRUE(contains(notes({}, {{"modelspec.encoder_layer", "2"}}).at(0), "encoder_layer 2 is ignored"));
}

TEST_F(CheckpointSettings, NoiseScheduleOfTheTraining) {
  const auto alphas = NoiseSchedule().alphas_cumprod();
  EXPECT_EQ(notes({{"alphas_cumprod", alphas.to(torch::kHalf)}}), std::vector<std::string>());
  auto zero = alphas.clone();
  zero[999] = 0;
  EXPECT_TRUE(contains(refused({{"alphas_cumprod", zero}}),
                       "alphas_cumprod: expected 0.00466 at step 999, found 0.00000"));
  NoiseScheduleOptions rescaled;
  rescaled.prediction_type = PredictionType::v_prediction;
  rescaled.rescale_betas_zero_snr = true;
  const auto without_signal = NoiseSchedule(rescaled).alphas_cumprod();
  EXPECT_TRUE(
      contains(refused({{"alphas_cumprod", without_signal}}), "expected a model that predicts the velocity"));
  write({{"alphas_cumprod", without_signal}, {"v_pred", torch::empty({0})}});
  EXPECT_TRUE(read_networks(file_).settings.noise.rescale_betas_zero_snr);
  EXPECT_TRUE(
      contains(refused({{"alphas_cumprod", alphas.slice(0, 0, 500)}}), "expected 1000 values, found 500"));
  NoiseScheduleOptions other;
  other.beta_start = 0.0001;
  EXPECT_TRUE(
      contains(refused({{"alphas_cumprod", NoiseSchedule(other).alphas_cumprod()}}), "alphas_cumprod"));
  EXPECT_EQ(notes({{"scale_factor", torch::tensor(0.18215F)}}), std::vector<std::string>());
  EXPECT_TRUE(
      contains(refused({{"scale_factor", torch::tensor(0.13025F)}}), "scale_factor: expected 0.18215"));
}

TEST_F(CheckpointSettings, TrainingConfigBeside) {
  const auto yaml = [&](const std::string& lines) {
    write_file_atomically(folder_ / "one.yaml", "model:\n  params:\n" + lines);
  };
  yaml("    parameterization: \"v\"  # as in 2.x\n");
  write({});
  EXPECT_EQ(read_networks(file_).settings.noise.prediction_type, PredictionType::v_prediction);
  yaml("    parameterization: x0\n");
  EXPECT_TRUE(
      contains(refused({}), "one.yaml: parameterization: expected epsilon or v_prediction, found x0"));
  for (const auto& [scaling, expected] :
       {std::pair{"EpsScaling", PredictionType::epsilon}, {"VScaling", PredictionType::v_prediction}}) {
    yaml(std::string("    target: sgm.modules.diffusionmodules.denoiser_weighting.EpsWeighting\n") +
         "    target: sgm.modules.diffusionmodules.denoiser_scaling." + scaling + "\n");
    write({});
    EXPECT_EQ(read_networks(file_).settings.noise.prediction_type, expected) << scaling;
  }
  for (const std::string scaling : {"EDMScaling", "VScalingWithEDMcNoise"}) {
    yaml("    target: sgm.modules.diffusionmodules.denoiser_scaling." + scaling + "\n");
    EXPECT_TRUE(contains(refused({}), "one.yaml: target: expected EpsScaling or VScaling, found " + scaling));
  }
  yaml("    linear_end: 0.02\n");
  write({});
  EXPECT_EQ(read_networks(file_).settings.noise.beta_end, 0.02);
  yaml("    linear_end: much\n");
  EXPECT_TRUE(contains(refused({}), "one.yaml: linear_end: expected a positive number, found much"));
  yaml("    linear_end: 0.0120abc\n");
  EXPECT_TRUE(contains(refused({}), "one.yaml: linear_end: expected a positive number, found 0.0120abc"));
  yaml("    linear_end: 12\n");
  EXPECT_TRUE(contains(refused({}), "one.yaml: linear_end: expected a number between 0 and 1, found 12"));
  yaml("    linear_end: 0.0001\n");
  EXPECT_TRUE(contains(refused({}), "one.yaml: linear_end: expected no less than"));
  yaml("    timesteps: 500\n");
  EXPECT_TRUE(contains(refused({}), "one.yaml: timesteps: expected 1000, found 500"));
  yaml("    zero_terminal_snr: true\n");
  EXPECT_TRUE(contains(refused({}), "one.safetensors: zero_terminal_snr: expected a model that predicts"));
  yaml(
      "    linear_start: 0.00085\n    linear_end: 0.0120\n    timesteps: 1000\n    parameterization: eps\n"
      "    # parameterization: v\n    first_stage_key: \"jpg\"\n");
  EXPECT_EQ(notes({}), std::vector<std::string>());
}

TEST_F(CheckpointSettings, SettingsOfTheFolderThatConfigNames) {
  auto files = write({});
  fs::copy(kModel, model_, fs::copy_options::recursive);
  files.config = model_;
  EXPECT_EQ(read_model(files).notes, std::vector<std::string>());
  set("scheduler/scheduler_config.json", {{"prediction_type", "v_prediction"}});
  EXPECT_EQ(read_model(files).settings.noise.prediction_type, PredictionType::v_prediction);
  files = write({}, {{"modelspec.prediction_type", "epsilon"}});
  files.config = model_;
  EXPECT_TRUE(
      contains(message_of([&] { read_model(files); }), "expected v_prediction by the settings beside it"));
}

TEST_F(CheckpointSettings, TensorsThatNoNetworkUses) {
  const auto said = notes({{"cond_stage_model.transformer.text_projection.weight", torch::eye(32)},
                           {"cond_stage_model.logit_scale", torch::ones({})},
                           {"first_stage_model.loss.logvar", torch::ones({})}});
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(contains(said[0], "one.safetensors: 3 tensors that Stable Diffusion does not use")) << said[0];
  EXPECT_TRUE(
      contains(refused({{"model.diffusion_model.out.3.weight", torch::ones({1})}}), "unexpected 1: out.3"));
}

TEST_F(CheckpointSettings, EightBitFloats) {
  StateDict rounded;  // E5M2 is the upper half of float16
  for (auto& [name, tensor] : tensors_) {
    if (!name.starts_with("model.diffusion_model.")) continue;
    const auto bits = tensor.to(torch::kHalf).contiguous().view(torch::kShort);
    tensor = bits.bitwise_right_shift(8).to(torch::kByte).contiguous();
    rounded[name] = bits.bitwise_and(torch::full({}, -256, torch::kShort)).view(torch::kHalf);
  }
  const auto files = write({});
  // As written, the bytes are integers; the header is made to say floats instead.
  auto bytes = read_file(file_);
  for (auto at = bytes.find("\"U8\""); at != std::string::npos; at = bytes.find("\"U8\"", at)) {
    bytes.replace(at, 4, "\"F8_E5M2\"");
  }
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  header += bytes.size() - fs::file_size(file_);
  std::memcpy(bytes.data(), &header, sizeof header);
  write_file_atomically(file_, bytes);

  const auto parts = read_model(files);
  const auto expected = unet_from_ldm(rounded);
  ASSERT_EQ(parts.unet.weights.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(torch::equal(parts.unet.weights.at(name), tensor)) << name;
  }
  EXPECT_FALSE(StableDiffusion::read(files, {}).base_fingerprint.empty());
  const auto inspection = inspect(file_);
  EXPECT_TRUE(inspection.usable);
  ASSERT_EQ(inspection.parts.at(0).types.size(), 1U);
  EXPECT_EQ(inspection.parts[0].types.begin()->first, "fp8 (e5m2)");
  EXPECT_EQ(inspection.parts[0].bytes, inspection.parts[0].parameters);
}

}  // namespace
}  // namespace forgedit
