#include "forgedit/jobs/warm_up.h"

#include <exception>
#include <future>
#include <memory>
#include <utility>

#include "forgedit/device/load_kernels.h"
#include "forgedit/nn/layers.h"
#include "forgedit/pipelines/learning/learn.h"
#include "forgedit/pipelines/sampling/sample.h"

namespace forgedit {
namespace {

constexpr std::int64_t kTokens = 77;

/// A model with the UNet, of zeros, and nothing beside it.
StableDiffusion zeros(UNet unet, const ComputePolicy& policy) {
  StableDiffusion model;
  model.policy = policy;
  model.unet = std::move(unet);
  model.unet->eval();
  const auto zero = torch::zeros({}, torch::device(policy.device));
  for (auto& [name, parameter] : parameters_of(*model.unet)) {
    parameter.set_requires_grad(false);
    parameter.set_data(torch::zeros(parameter.sizes(), torch::device(policy.device).dtype(torch::kBFloat16)));
    model.unet_as_loaded.emplace(name, zero.expand(parameter.sizes()));
  }
  nn::use_channels_last(*model.unet);
  return model;
}

bool has_room(const UNet& unet, const VaeConfig& vae, const LearnOptions& options, const Frame& frame,
              const ModelChoice& choice) {
  MemoryTask task;
  task.policy = choice.policy;
  task.unet = unet->config();
  task.vae = vae;
  task.width = frame.grid_width;
  task.height = frame.grid_height;
  task.batch = options.batch;
  for (const auto& [name, parameter] : parameters_of(*unet)) {
    task.unet_count += parameter.numel();
    if (learns(options.layers, name)) task.unet_learning += parameter.numel();
  }
  return free_memory(choice.policy.device) > 2 * estimate_peak(task, {});
}

}  // namespace

WarmUp warm_up_learning(const LearnOptions& options, const Frame& frame, const ModelChoice& choice) {
  const auto& folder = choice.folder;
  if (!choice.policy.reduced() || choice.memory || !std::filesystem::is_directory(folder)) return {};
  WarmUp done;
  try {
    const auto config = UNetConfig::from_json(ConfigReader(folder / "unet" / "config.json"));
    const auto vae = VaeConfig::from_json(ConfigReader(folder / "vae" / "config.json"));
    if (config.takes_added_conditions()) return {};
    UNet unet(config);
    if (!has_room(unet, vae, options, frame, choice)) return {};
    // If it fails, nothing is lost but time.
    const auto loading =
        std::async(std::launch::async, [device = choice.policy.device] { load_kernels(device); });
    auto one_step = options;
    one_step.samples = one_step.batch;
    one_step.stop_known = 0;
    auto model = zeros(std::move(unet), choice.policy);
    const auto latents = torch::zeros(
        {1, config.in_channels, frame.grid_height / vae.factor(), frame.grid_width / vae.factor()});
    const TextEmbedding text{torch::zeros({1, kTokens, config.cross_attention_dim}), {}};
    const auto batches = random_learn_batches(one_step, latents, at::detail::createCPUGenerator(0),
                                              model.settings.noise.num_train_timesteps);
    learn_vanilla(model, latents, text, one_step, batches, {});
    done.ran = true;
  } catch (const std::exception& error) {
    done.problem =
        std::string("the GPU was not prepared while the model was read, so first steps take longer: ") +
        error.what();
  }
  release_memory(choice.policy.device);
  return done;
}

WarmUpParts sampling_warm_up(const StableDiffusion& model, const Frame& frame,
                             const std::vector<std::int64_t>& batches) {
  auto own = std::make_shared<StableDiffusion>(model);
  own->unet = UNet(model.unet->config());
  own->unet->eval();
  auto original = parameters_of(*model.unet);
  for (auto& [name, parameter] : parameters_of(*own->unet)) {
    parameter.set_requires_grad(false);
    parameter.set_data(original.at(name).detach());
  }
  const auto factor = model.vae->config().factor();
  const auto latents = torch::zeros(
      {1, model.unet->config().in_channels, frame.grid_height / factor, frame.grid_width / factor});
  WarmUpParts parts;
  for (const auto images : batches) {
    parts.emplace_back([own, latents, images] {
      const auto rows = [&](const torch::Tensor& one) {
        auto sizes = one.sizes().vec();
        sizes[0] = images;
        return one.expand(sizes);
      };
      const auto text = own->encode_unconditional();
      SampleOptions one_step;
      one_step.steps = 1;
      Sampler(*own, one_step).draw(rows(latents), {rows(text.tokens), {}}, text);
    });
  }
  parts.emplace_back([own, latents] { own->decode_latents(latents.to(own->policy.device)); });
  return parts;
}

bool can_sample_meanwhile(const LearnOptions& options) {
  return options.method == LearnMethod::vanilla && options.stop_known == 0 && !options.fast;
}

}  // namespace forgedit
