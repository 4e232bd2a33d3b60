#include "forgedit/pipelines/sample.h"

#include "forgedit/schedulers/ddim.h"

namespace forgedit {

torch::Tensor initial_latents(std::uint64_t seed, std::int64_t channels, std::int64_t height,
                              std::int64_t width) {
  auto generator = at::detail::createCPUGenerator(seed);
  return torch::randn({1, channels, height, width}, generator, torch::kFloat);
}

torch::Tensor sample(StableDiffusion& model, torch::Tensor latents, const torch::Tensor& embeddings,
                     const torch::Tensor& unconditional, const SampleOptions& options,
                     const StepCallback& on_step) {
  torch::NoGradGuard no_grad;
  const PrecisionScope precision(model.policy);
  const DdimScheduler scheduler(options.steps);
  const auto& device = model.policy.device;
  const auto count = latents.size(0);

  latents = latents.to(device);
  const auto encoder_hidden_states =
      torch::cat({unconditional.to(device).expand({count, -1, -1}), embeddings.to(device)});
  std::int64_t step = 0;
  for (const auto timestep : scheduler.timesteps()) {
    const auto timesteps = torch::full({2 * count}, timestep, torch::dtype(torch::kLong).device(device));
    const auto predicted = model.unet(torch::cat({latents, latents}), timesteps, encoder_hidden_states)
                               .to(torch::kFloat)
                               .chunk(2);
    const auto guided = predicted[0] + options.guidance_scale * (predicted[1] - predicted[0]);
    latents = scheduler.step(guided, timestep, latents);
    if (on_step) on_step(++step);
  }
  return latents;
}

}  // namespace forgedit
