#include "tools/miniature/train_unet.h"

#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit::miniature {
namespace {

constexpr double kMinSnrGamma = 5.0;
constexpr double kEmptyCaptions = 0.1;
constexpr std::int64_t kEncodeBatch = 2048;

/// One device's part of every batch: latents, token ids (some of the empty caption), noise, t.
class Share {
 public:
  Share(DiffusionReplica& networks, const LatentSet& data, const CaptionTable& captions,
        const TrainOptions& options)
      : networks_(networks),
        all_latents_(data.latents.to(networks.device)),
        all_captions_(data.captions.to(networks.device)),
        all_ids_(captions.ids().to(networks.device)),
        empty_row_(captions.empty_row()),
        schedule_(NoiseSchedule().to(networks.device)),
        whole_(torch::dtype(torch::kLong).device(networks.device)) {
    const auto snr = schedule_.alphas_cumprod() / (1.0 - schedule_.alphas_cumprod());
    loss_weight_ = snr.clamp_max(kMinSnrGamma) / snr;
    auto shape = all_latents_.sizes().vec();
    shape[0] = options.batch;
    latents_ = torch::empty(shape, all_latents_.options());
    noise_ = torch::empty_like(latents_);
    ids_ = torch::empty({options.batch, all_ids_.size(1)}, whole_);
    timesteps_ = torch::empty({options.batch}, whole_);
  }

  void next_batch() {
    const auto rows = torch::randint(0, all_latents_.size(0), {latents_.size(0)}, whole_);
    const auto empty = torch::rand({latents_.size(0)}, noise_.options()) < kEmptyCaptions;
    const auto captions = all_captions_.index_select(0, rows).masked_fill(empty, empty_row_);
    latents_.copy_(all_latents_.index_select(0, rows));
    ids_.copy_(all_ids_.index_select(0, captions));
    noise_.normal_();
    timesteps_.random_(0, schedule_.num_train_timesteps());
  }

  torch::Tensor loss() {
    const auto text = networks_.text_encoder(ids_).last_hidden_state;
    const auto noisy_latents = schedule_.add_noise(latents_, noise_, timesteps_);
    const auto predicted = networks_.unet(noisy_latents.to(text.scalar_type()), timesteps_, text);
    const auto errors = (predicted.to(torch::kFloat) - noise_).square().mean({1, 2, 3});
    return (errors * loss_weight_.index_select(0, timesteps_)).mean();
  }

 private:
  DiffusionReplica& networks_;
  torch::Tensor all_latents_, all_captions_, all_ids_;
  std::int64_t empty_row_;
  NoiseSchedule schedule_;
  torch::TensorOptions whole_;
  torch::Tensor loss_weight_, latents_, noise_, ids_, timesteps_;
};

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

void train_unet(std::vector<DiffusionReplica>& replicas, const LatentSet& data, const CaptionTable& captions,
                const TrainOptions& options, double checkpoint_seconds, const Checkpoint& checkpoint) {
  torch::manual_seed(options.seed);
  TrainingTask task;
  task.name = "unet";
  task.checkpoint_seconds = checkpoint_seconds;
  task.checkpoint = checkpoint;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    auto& networks = replicas[i];
    // Each device has its own generator, and they shall not draw the same
    auto generator = at::globalContext().defaultGenerator(networks.device);
    generator.set_current_seed(options.seed * 64 + i);
    const auto share = std::make_shared<Share>(networks, data, captions, options);
    task.replicas.push_back(
        {networks.device,
         std::make_unique<FlatAdamW>(
             std::vector<torch::nn::Module*>{networks.unet.get(), networks.text_encoder.get()},
             compute_type(networks.device), options.weight_decay, options.ema_decay),
         [share] { share->next_batch(); }, [share] { return share->loss(); }});
  }
  run_training(options, task);
}

}  // namespace forgedit::miniature
