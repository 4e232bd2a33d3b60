#include "tools/miniature/train_unet.h"

#include <spdlog/spdlog.h>

#include "forgedit/schedulers/noise_schedule.h"
#include "tools/miniature/flat_adamw.h"
#include "tools/miniature/training_clock.h"

namespace forgedit::miniature {
namespace {

constexpr double kMinSnrGamma = 5.0;
constexpr double kEmptyCaptions = 0.1;
constexpr std::int64_t kEncodeBatch = 2048;
constexpr std::int64_t kReportEvery = 200;

at::ScalarType compute_type(const c10::Device& device) {
  return device.is_cuda() ? at::kBFloat16 : at::kFloat;
}

}  // namespace

LatentSet encode_scenes(AutoencoderKL& vae, const EmojiPack& pack, const CaptionTable& captions,
                        const c10::Device& device, std::int64_t count, double& scaling_factor,
                        std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> latents, rows;
  for (std::int64_t done = 0, part = 0; done < count; done += kEncodeBatch, ++part) {
    const auto scenes = draw_scenes(pack, &captions, std::min(kEncodeBatch, count - done), Split::train,
                                    seed * 1'000'003 + static_cast<std::uint64_t>(part));
    latents.push_back(vae->encode(to_model_range(scenes.images.to(device), torch::kFloat)).mean);
    rows.push_back(scenes.captions.to(device));
  }
  LatentSet result{torch::cat(latents), torch::cat(rows)};
  if (scaling_factor == 0) scaling_factor = 1.0 / result.latents.std().item<double>();
  result.latents.mul_(scaling_factor);
  return result;
}

void train_unet(UNet& unet, ClipTextModel& text_encoder, const LatentSet& data, const CaptionTable& captions,
                const c10::Device& device, const TrainOptions& options, double checkpoint_seconds,
                const Checkpoint& checkpoint) {
  const auto dtype = compute_type(device);
  const NoiseSchedule schedule;
  const auto alphas = schedule.alphas_cumprod().to(device);
  const auto snr = alphas / (1.0 - alphas);
  const auto loss_weight = snr.clamp_max(kMinSnrGamma) / snr;
  const auto ids = captions.ids().to(device);
  FlatAdamW optimizer({unet.get(), text_encoder.get()}, dtype, options.weight_decay, options.ema_decay);
  const TrainingClock clock(options);
  torch::manual_seed(options.seed);
  const auto on_device = torch::dtype(torch::kLong).device(device);
  auto average_loss = torch::zeros({}, torch::dtype(torch::kFloat).device(device));
  double next_checkpoint = checkpoint_seconds;

  std::int64_t step = 0;
  for (; !clock.done(); ++step) {
    // 1. a batch: latents, captions (some empty), noise, t
    const auto rows = torch::randint(0, data.latents.size(0), {options.batch}, on_device);
    const auto latents = data.latents.index_select(0, rows);
    const auto empty = torch::rand({options.batch}, device) < kEmptyCaptions;
    const auto caption_rows = data.captions.index_select(0, rows).masked_fill(empty, captions.empty_row());
    const auto noise = torch::randn_like(latents);
    const auto timesteps = torch::randint(0, schedule.num_train_timesteps(), {options.batch}, on_device);
    // 2. predicted noise
    const auto text = text_encoder(ids.index_select(0, caption_rows)).last_hidden_state;
    const auto predicted = unet(schedule.add_noise(latents, noise, timesteps).to(dtype), timesteps, text);
    const auto errors = (predicted.to(torch::kFloat) - noise).square().mean({1, 2, 3});
    const auto loss = (errors * loss_weight.index_select(0, timesteps)).mean();
    // 3. update
    optimizer.zero_grad();
    loss.backward();
    optimizer.step(clock.learning_rate(step));
    average_loss.lerp_(loss.detach(), step < 100 ? 0.1 : 0.01);
    if (step % kReportEvery == 0) {
      spdlog::info("unet step {} ({:.2f} M samples) {:.0f} s: loss {:.4f}", step,
                   1e-6 * static_cast<double>((step + 1) * options.batch), clock.elapsed(),
                   average_loss.item<double>());
    }
    if (checkpoint && clock.elapsed() > next_checkpoint) {
      optimizer.load_average();
      checkpoint(step, clock.elapsed());
      optimizer.load_training();
      next_checkpoint += checkpoint_seconds;
    }
  }
  optimizer.load_average();
  spdlog::info("unet: {} steps, {:.2f} M samples, loss {:.4f}", step,
               1e-6 * static_cast<double>(step * options.batch), average_loss.item<double>());
}

}  // namespace forgedit::miniature
