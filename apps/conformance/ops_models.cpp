#include <torch/torch.h>

#include "apps/conformance/case.h"
#include "forgedit/pipelines/stable_diffusion.h"
#include "forgedit/schedulers/ddim.h"

namespace forgedit::conformance {

Outputs clip_text(const Case& fixture) {
  torch::NoGradGuard no_grad;
  auto model = load_clip_text(fixture.path("model"), fixture.policy.device);
  const auto output = model(fixture.input("ids").to(fixture.policy.device));
  return {{{"last_hidden_state", output.last_hidden_state}, {"pooler_output", output.pooler_output}}, {}};
}

Outputs unet_forward_backward(const Case& fixture) {
  const auto& device = fixture.policy.device;
  auto unet = load_unet(fixture.path("model"), device);
  for (auto& parameter : unet->parameters()) parameter.set_requires_grad(true);
  const auto encoder_hidden_states =
      fixture.input("encoder_hidden_states").to(device).clone().set_requires_grad(true);
  const auto predicted =
      unet(fixture.input("sample").to(device), fixture.input("timesteps").to(device), encoder_hidden_states);
  const auto loss = torch::mse_loss(predicted, fixture.input("noise").to(device));
  loss.backward();

  Outputs outputs;
  outputs.tensors = {{"sample", predicted.detach()},
                     {"loss", loss.detach()},
                     {"grad.encoder_hidden_states", encoder_hidden_states.grad()}};
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

// Names: timesteps_STEPS, step_STEPS_INDEX, etaETA_step_STEPS_INDEX, add_noise, alphas_cumprod.
Outputs ddim(const Case& fixture) {
  DdimOptions options;
  options.noise.beta_start = fixture.number("beta_start", options.noise.beta_start);
  options.noise.beta_end = fixture.number("beta_end", options.noise.beta_end);
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

}  // namespace forgedit::conformance
