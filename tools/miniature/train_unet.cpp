#include "tools/miniature/train_unet.h"

#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit::miniature {
namespace {

constexpr double kMinSnrGamma = 5.0;
constexpr double kEmptyCaptions = 0.1;
constexpr std::int64_t kEncodeBatch = 2048;

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
  const NoiseSchedule schedule = NoiseSchedule().to(device);
  const auto alphas = schedule.alphas_cumprod();
  const auto snr = alphas / (1.0 - alphas);
  const auto loss_weight = snr.clamp_max(kMinSnrGamma) / snr;
  const auto ids = captions.ids().to(device);
  torch::manual_seed(options.seed);

  // A batch: latents, token ids (some of the empty caption), noise, t
  const auto whole = torch::dtype(torch::kLong).device(device);
  auto shape = data.latents.sizes().vec();
  shape[0] = options.batch;
  auto latents = torch::empty(shape, data.latents.options());
  auto noise = torch::empty_like(latents);
  auto input_ids = torch::empty({options.batch, ids.size(1)}, whole);
  auto timesteps = torch::empty({options.batch}, whole);

  FlatAdamW optimizer({unet.get(), text_encoder.get()}, dtype, options.weight_decay, options.ema_decay);
  TrainingTask task;
  task.name = "unet";
  task.next_batch = [&] {
    const auto rows = torch::randint(0, data.latents.size(0), {options.batch}, whole);
    const auto empty = torch::rand({options.batch}, device) < kEmptyCaptions;
    const auto caption_rows = data.captions.index_select(0, rows).masked_fill(empty, captions.empty_row());
    latents.copy_(data.latents.index_select(0, rows));
    input_ids.copy_(ids.index_select(0, caption_rows));
    noise.normal_();
    timesteps.random_(0, schedule.num_train_timesteps());
  };
  task.loss = [&] {
    const auto text = text_encoder(input_ids).last_hidden_state;
    const auto noisy_latents = schedule.add_noise(latents, noise, timesteps);
    const auto predicted = unet(noisy_latents.to(dtype), timesteps, text);
    const auto errors = (predicted.to(torch::kFloat) - noise).square().mean({1, 2, 3});
    return (errors * loss_weight.index_select(0, timesteps)).mean();
  };
  task.checkpoint_seconds = checkpoint_seconds;
  task.checkpoint = checkpoint;
  run_training(optimizer, options, device, task);
}

}  // namespace forgedit::miniature
