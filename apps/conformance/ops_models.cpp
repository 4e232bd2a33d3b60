
#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "forgedit/schedulers/ddim.h"
#include "forgedit/schedulers/dpm_solver.h"

namespace forgedit::conformance {

namespace {

/// The value of the key: one of two names, or the first one if case.json has none. Throws a failure for
/// another.
template <class Kind>
Kind choice(const Case& fixture, const char* key, std::pair<const char*, Kind> first,
            std::pair<const char*, Kind> second) {
  const auto name = fixture.settings.value(key, std::string(first.first));
  if (name == first.first) return first.second;
  if (name == second.first) return second.second;
  throw failure(std::string(key) + ": expected " + first.first + " or " + second.first + ", found " + name);
}

}  // namespace

NoiseScheduleOptions noise_of(const Case& fixture) {
  NoiseScheduleOptions noise;
  noise.beta_start = fixture.number("beta_start", noise.beta_start);
  noise.beta_end = fixture.number("beta_end", noise.beta_end);
  noise.beta_schedule =
      choice<BetaSchedule>(fixture, "beta_schedule", {"scaled_linear", BetaSchedule::scaled_linear},
                           {"linear", BetaSchedule::linear});
  noise.rescale_betas_zero_snr = fixture.settings.value("rescale_betas_zero_snr", false);
  noise.prediction_type =
      choice<PredictionType>(fixture, "prediction_type", {"epsilon", PredictionType::epsilon},
                             {"v_prediction", PredictionType::v_prediction});
  return noise;
}

Outputs clip_text(const Case& fixture) {
  torch::NoGradGuard no_grad;
  auto model = load_clip_text(fixture.path("model"), fixture.policy.device);
  const auto output = model(fixture.input("ids").to(fixture.policy.device));
  return {{{"last_hidden_state", output.last_hidden_state}, {"pooler_output", output.pooler_output}}, {}};
}

// Runs both text encoders of a model folder, each with its own tokenizer. The number of ids that differ from
// in.safetensors (ids, ids_2) must be zero.
Outputs sdxl_text(const Case& fixture) {
  auto model = StableDiffusion::load(fixture.path("model"), fixture.policy);
  const auto length = static_cast<std::size_t>(model.text_encoder_2->config().max_position_embeddings);
  std::vector<torch::Tensor> ids, ids_2;
  std::vector<TextEmbedding> embeddings;
  for (const auto& setting : fixture.settings.at("texts")) {
    const auto text = setting.get<std::string>();
    ids.push_back(model.tokenize(text).to(torch::kCPU));
    ids_2.push_back(torch::tensor(model.tokenizer_2->encode(text, length).ids, torch::kLong));
    embeddings.push_back(model.encode_text(text));
  }
  const auto all = join(embeddings);
  Outputs outputs;
  outputs.differences["ids"] = (torch::cat(ids) != fixture.input("ids")).sum().item<double>();
  outputs.differences["ids_2"] = (torch::stack(ids_2) != fixture.input("ids_2")).sum().item<double>();
  outputs.tensors["prompt_embeds"] = all.tokens;
  outputs.tensors["pooled_prompt_embeds"] = all.pooled;
  return outputs;
}

Outputs unet_forward_backward(const Case& fixture) {
  const auto& device = fixture.policy.device;
  auto unet = load_unet(fixture.path("model"), device);
  for (auto& parameter : unet->parameters()) parameter.set_requires_grad(true);
  const auto encoder_hidden_states =
      fixture.input("encoder_hidden_states").to(device).clone().set_requires_grad(true);
  AddedConditions added;
  if (unet->config().takes_added_conditions()) {
    added.text_embeds = fixture.input("text_embeds").to(device).clone().set_requires_grad(true);
    added.time_ids = fixture.input("time_ids").to(device);
  }
  const auto predicted = unet(fixture.input("sample").to(device), fixture.input("timesteps").to(device),
                              encoder_hidden_states, added);
  const auto loss = torch::mse_loss(predicted, fixture.input("noise").to(device));
  loss.backward();

  Outputs outputs;
  outputs.tensors = {{"sample", predicted.detach()},
                     {"loss", loss.detach()},
                     {"grad.encoder_hidden_states", encoder_hidden_states.grad()}};
  if (added.text_embeds.defined()) outputs.tensors["grad.text_embeds"] = added.text_embeds.grad();
  for (const auto& [name, parameter] : parameters_of(*unet))
    outputs.tensors["grad." + name] = parameter.grad();
  return outputs;
}

Outputs vae_encode_decode(const Case& fixture) {
  torch::NoGradGuard no_grad;
  const auto& device = fixture.policy.device;
  auto vae = load_vae(fixture.path("model"), device);
  const auto posterior = vae->encode(fixture.input("image").to(device));
  return {{{"mean", posterior.mean},
           {"logvar", posterior.logvar},
           {"decoded", vae->decode(fixture.input("latent").to(device))}},
          {}};
}

// Outputs: timesteps_STEPS, step_STEPS_INDEX, etaETA_step_STEPS_INDEX, add_noise, velocity, alphas_cumprod.
Outputs ddim(const Case& fixture) {
  DdimOptions options;
  options.noise = noise_of(fixture);
  options.timestep_spacing =
      choice<TimestepSpacing>(fixture, "timestep_spacing", {"leading", TimestepSpacing::leading},
                              {"trailing", TimestepSpacing::trailing});
  options.set_alpha_to_one = fixture.settings.value("set_alpha_to_one", false);
  options.steps_offset = fixture.settings.value("steps_offset", std::int64_t{0});
  const auto& sample = fixture.input("sample");
  const NoiseSchedule schedule(options.noise);

  Outputs outputs;
  for (const auto& [name, reference] : fixture.out) {
    int steps = 0, index = 0;
    double eta = 0;
    if (name == "alphas_cumprod") {
      outputs.tensors[name] = schedule.alphas_cumprod();
    } else if (name == "add_noise") {
      outputs.tensors[name] =
          schedule.add_noise(sample, fixture.input("model_output"), fixture.input("add_noise_timesteps"));
    } else if (name == "velocity") {
      outputs.tensors[name] =
          schedule.velocity(sample, fixture.input("model_output"), fixture.input("add_noise_timesteps"));
    } else if (std::sscanf(name.c_str(), "timesteps_%d", &steps) == 1) {
      outputs.tensors[name] = torch::tensor(DdimScheduler(steps, options).timesteps(), torch::kLong);
      outputs.comparisons[name] = {Comparison::Kind::equal, 0};
    } else if (std::sscanf(name.c_str(), "step_%d_%d", &steps, &index) == 2 ||
               std::sscanf(name.c_str(), "eta%lf_step_%d_%d", &eta, &steps, &index) == 3) {
      const DdimScheduler scheduler(steps, options);
      outputs.tensors[name] = scheduler.step(
          fixture.input("model_output"), scheduler.timesteps().at(static_cast<std::size_t>(index)), sample,
          eta, eta > 0 ? fixture.input("variance_noise") : torch::Tensor());
    }
  }
  return outputs;
}

// Outputs: timesteps_STEPS and sample_STEPS_INDEX, the sample after step INDEX with the prediction that
// `model_output` defines.
Outputs dpm_solver(const Case& fixture) {
  const std::string formula = "0.8 * x * cos(0.003 * t) + 0.1 * sin(x)";
  if (!starts_with(fixture.settings.value("model_output", formula), formula)) {
    throw failure("model_output: expected \"" + formula + "\"");
  }
  const NoiseSchedule schedule(noise_of(fixture));

  Outputs outputs;
  std::map<int, std::vector<torch::Tensor>> samples;  // by number of steps
  for (const auto& [name, reference] : fixture.out) {
    int steps = 0, index = 0;
    if (std::sscanf(name.c_str(), "timesteps_%d", &steps) == 1) {
      std::vector<std::int64_t> timesteps;
      for (const auto& s : dpm_solver_steps(steps, schedule)) timesteps.push_back(s.timestep);
      outputs.tensors[name] = torch::tensor(timesteps, torch::kLong);
      outputs.comparisons[name] = {Comparison::Kind::equal, 0};
    } else if (std::sscanf(name.c_str(), "sample_%d_%d", &steps, &index) == 2) {
      auto& path = samples[steps];
      if (path.empty()) {
        auto x = fixture.input("sample").to(fixture.policy.device), previous = torch::zeros_like(x);
        for (const auto& s : dpm_solver_steps(steps, schedule)) {
          const auto predicted = 0.8 * x * std::cos(0.003 * static_cast<double>(s.timestep)) + 0.1 * x.sin();
          const auto x0 = (s.input * x - s.output * predicted) / s.divisor;
          x = s.sample * x + s.denoised * x0 + s.previous * previous;
          previous = x0;
          path.push_back(x);
        }
      }
      outputs.tensors[name] = path.at(static_cast<std::size_t>(index));
    }
  }
  return outputs;
}

}  // namespace forgedit::conformance
