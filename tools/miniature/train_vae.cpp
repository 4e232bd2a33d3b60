#include "tools/miniature/train_vae.h"

#include "tools/miniature/training_loop.h"

namespace forgedit::miniature {
namespace {

constexpr std::int64_t kPool = 30'000;   // pictures drawn once; fits in GPU memory as uint8 (1.5 GB)
constexpr double kKlWeight = 1e-4;       // keeps latents near a unit Gaussian without costing sharpness
constexpr double kAbsoluteWeight = 0.1;  // an L1 share: edges

}  // namespace

void train_vae(AutoencoderKL& vae, const EmojiPack& pack, const c10::Device& device,
               const TrainOptions& options) {
  const auto dtype = compute_type(device);
  const auto pool_size = device.is_cuda() ? kPool : std::int64_t{512};
  const auto pool = draw_scenes(pack, nullptr, pool_size, Split::train, options.seed).images.to(device);
  torch::manual_seed(options.seed);
  auto images = to_model_range(pool.narrow(0, 0, options.batch), dtype);

  Replica replica{device,
                  std::make_unique<FlatAdamW>(std::vector<torch::nn::Module*>{vae.get()}, dtype,
                                              options.weight_decay, options.ema_decay),
                  {},
                  {}};
  replica.next_batch = [&] {
    const auto rows =
        torch::randint(0, pool_size, {options.batch}, torch::dtype(torch::kLong).device(device));
    images.copy_(to_model_range(pool.index_select(0, rows), dtype));
  };
  replica.loss = [&] {
    // 1. encode, draw from the posterior, decode
    const auto posterior = vae->encode(images);
    const auto logvar = posterior.logvar.to(torch::kFloat), mean = posterior.mean.to(torch::kFloat);
    const auto latents = mean + (0.5 * logvar).exp() * torch::randn_like(mean);
    const auto decoded = vae->decode(latents.to(dtype)).to(torch::kFloat);
    // 2. reconstruction and KL
    const auto target = images.to(torch::kFloat);
    const auto kl = 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean();
    return torch::mse_loss(decoded, target) + kAbsoluteWeight * torch::l1_loss(decoded, target) +
           kKlWeight * kl;
  };
  run_training(options, single_task("vae", std::move(replica)));
}

double vae_psnr(AutoencoderKL& vae, const EmojiPack& pack, const c10::Device& device, std::int64_t count) {
  torch::NoGradGuard no_grad;
  const auto scenes = draw_scenes(pack, nullptr, count, Split::held_back, 1).images;
  double total = 0;
  for (const auto& part : scenes.split(32)) {
    const auto images = to_model_range(part.to(device), torch::kFloat);
    const auto decoded = vae->decode(vae->encode(images).mean);
    const auto bytes = ((decoded + 1.0) * 127.5).round().clamp(0, 255);
    const auto mse = (bytes - (images + 1.0) * 127.5).square().mean({1, 2, 3});
    total += (10.0 * torch::log10(255.0 * 255.0 / mse.clamp_min(1e-6))).sum().item<double>();
  }
  return total / static_cast<double>(count);
}

}  // namespace forgedit::miniature
