#include "forgedit/eval/speed.h"

#include <algorithm>
#include <chrono>

#include "forgedit/device/throughput.h"
#include "forgedit/jobs/time_estimate.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

double best_seconds(const c10::Device& device, const std::function<void()>& work) {
  return time_runs(device, work).best;
}

class SpeedRun {
 public:
  SpeedRun(StableDiffusion& model, const SpeedOptions& options, const SpeedCallback& on_row)
      : model_(model), options_(options), on_row_(on_row), device_(model.policy.device) {
    options_.learn.stop_loss = 0;
    const auto factor = static_cast<int>(model.vae->config().factor());
    const auto native = static_cast<int>(model.native_size());
    height_ = (options.height > 0 ? options.height : native) / factor;
    width_ = (options.width > 0 ? options.width : native) / factor;
  }

  std::vector<SpeedRow> run() {
    measure_ceilings();
    measure_ends();
    if (options_.learns) measure_learning();
    const auto most = model_.memory.draw_batch;
    for (const auto batch : options_.batches) {
      if (most == 0 || batch <= most) measure_drawing(batch);
    }
    return rows_;
  }

 private:
  void add(const std::string& key, const std::string& title, const std::string& unit, double value) {
    rows_.push_back({key, title, unit, value});
    if (on_row_) on_row_(rows_.back());
  }

  torch::Tensor random(at::IntArrayRef shape) { return torch::randn(shape, generator_, torch::kFloat); }

  TextEmbedding random_embedding(std::int64_t batch) {
    const auto& unet = model_.unet->config();
    const auto length = model_.text_encoder->config().max_position_embeddings;
    TextEmbedding embedding{random({batch, length, unet.cross_attention_dim}), {}};
    if (unet.takes_added_conditions()) embedding.pooled = random({batch, unet.pooled_width()});
    return embedding;
  }

  void measure_ceilings() {
    torch::NoGradGuard no_grad;
    ceiling_ = measure_matmul(model_.policy).best;
    add("matmul_tflops", "matrix product, peak", "TFLOP/s", ceiling_ / 1e12);
    const std::int64_t count = std::int64_t{1} << (device_.is_cuda() ? 26 : 25);
    const auto from = torch::ones({count}, torch::TensorOptions(device_));
    auto to = torch::zeros_like(from);
    const double copy = best_seconds(device_, [&] { to.copy_(from); });
    add("copy_gbps", "memory copy, peak (read and write)", "GB/s",
        8.0 * static_cast<double>(count) / copy / 1e9);
  }

  UNetWork work() const {
    const auto factor = static_cast<int>(model_.vae->config().factor());
    return {model_, static_cast<int>(width_) * factor, static_cast<int>(height_) * factor};
  }

  void add_share(const std::string& key, const std::string& title, double flops, double seconds) {
    add(key, title + ", share of peak", "%", 100.0 * flops / seconds / ceiling_);
  }

  /// Measures the networks before and after the UNet.
  void measure_ends() {
    const auto factor = model_.vae->config().factor();
    const auto image = random({1, 3, height_ * factor, width_ * factor}).clamp(-1.0, 1.0);
    add("text_encode_s", "text encoder, one prompt", "s",
        best_seconds(device_, [&] { model_.encode_text("a picture of a dog"); }));
    add("vae_encode_s", "VAE encoder, one image", "s",
        best_seconds(device_, [&] { model_.encode_image(image, generator_); }));
    const auto latents = latents_of(1);
    add("vae_decode_s", "VAE decoder, one image", "s",
        best_seconds(device_, [&] { model_.decode_latents(latents); }));
  }

  torch::Tensor latents_of(std::int64_t batch) {
    return random({batch, model_.unet->config().in_channels, height_, width_}).to(device_);
  }

  void measure_learning() {
    const auto latents = latents_of(1) * 0.2;
    const auto embedding = random_embedding(1);
    const auto learn_samples = [&](std::int64_t samples) {
      auto options = options_.learn;
      options.samples = samples;
      return learn_vanilla(
          model_, latents, embedding, options,
          random_learn_batches(options, latents, generator_, NoiseSchedule().num_train_timesteps()));
    };
    learn_samples(options_.learn.batch);  // warm-up: libraries choose their algorithms
    reset_peak_memory(device_);
    synchronize(device_);
    const auto start = std::chrono::steady_clock::now();
    learn_samples(options_.learn.samples);
    synchronize(device_);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto steps = options_.learn.samples / options_.learn.batch;
    add("learn_s",
        "fine-tuning, " + std::to_string(steps) + " steps of " + std::to_string(options_.learn.batch) +
            " samples",
        "s", seconds);
    auto learned = options_.learn;
    learned.embedding_samples = 0;
    add_share("learn_ceiling_percent", "fine-tuning", work().learning(learned, {}), seconds);
    add_peak("learn_peak_gib", "peak memory of fine-tuning");
  }

  void measure_drawing(std::int64_t batch) {
    Sampler sampler(model_, options_.sample);
    const auto latents = latents_of(batch);
    const auto embeddings = random_embedding(batch), unconditional = random_embedding(1);
    reset_peak_memory(device_);
    const double seconds = best_seconds(device_, [&] { sampler.draw(latents, embeddings, unconditional); }) /
                           static_cast<double>(batch);
    const auto name = "b" + std::to_string(batch);
    add("picture_" + name + "_s",
        "one image, " + std::to_string(options_.sample.steps) + " steps with CFG, batch of " +
            std::to_string(batch),
        "s", seconds);
    add_share("picture_" + name + "_ceiling_percent", "one image, batch of " + std::to_string(batch),
              work().sampling(options_.sample), seconds);
    add_peak("draw_" + name + "_peak_gib", "peak memory of generating, batch of " + std::to_string(batch));
  }

  void add_peak(const std::string& key, const std::string& name) {
    if (const auto peak = peak_memory(device_); peak > 0) {
      add(key, name, "GiB", static_cast<double>(peak) / kGiB);
    }
  }

  StableDiffusion& model_;
  SpeedOptions options_;
  const SpeedCallback& on_row_;
  c10::Device device_;
  std::int64_t height_ = 0, width_ = 0;
  double ceiling_ = 0;  // FLOP/s
  torch::Generator generator_ = at::detail::createCPUGenerator(0);
  std::vector<SpeedRow> rows_;
};

}  // namespace

std::vector<SpeedRow> measure_speed(StableDiffusion& model, const SpeedOptions& options,
                                    const SpeedCallback& on_row) {
  return SpeedRun(model, options, on_row).run();
}

}  // namespace forgedit
