#include "forgedit/eval/speed.h"

#include <algorithm>
#include <chrono>

#include "forgedit/models/unet_flops.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

class Timer {
 public:
  explicit Timer(const c10::Device& device) : device_(device) {
    synchronize(device_);
    start_ = std::chrono::steady_clock::now();
  }
  double seconds() const {
    synchronize(device_);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  c10::Device device_;
  std::chrono::steady_clock::time_point start_;
};

/// The fastest of a few runs after one that warms up.
double best_seconds(const c10::Device& device, const std::function<void()>& work) {
  work();
  double best = 1e30;
  for (int run = 0; run < 3; ++run) {
    const Timer timer(device);
    work();
    best = std::min(best, timer.seconds());
  }
  return best;
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

  torch::Tensor random_embedding(std::int64_t batch) {
    const auto& text = model_.text_encoder->config();
    return random({batch, text.max_position_embeddings, text.hidden_size});
  }

  void measure_ceilings() {
    torch::NoGradGuard no_grad;
    const bool gpu = device_.is_cuda();
    const auto type = model_.policy.precision == Precision::bf16 ? torch::kBFloat16 : torch::kFloat;
    const std::int64_t side = gpu ? 8192 : 1024, count = std::int64_t{1} << (gpu ? 26 : 25);
    const auto a = random({side, side}).to(device_, type), b = random({side, side}).to(device_, type);
    const double product = best_seconds(device_, [&] { torch::matmul(a, b); });
    const auto cubed = static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
    ceiling_ = 2.0 * cubed / product;
    add("matmul_tflops", "matrix product, at most", "TFLOP/s", ceiling_ / 1e12);
    const auto from = torch::ones({count}, torch::TensorOptions(device_));
    auto to = torch::zeros_like(from);
    const double copy = best_seconds(device_, [&] { to.copy_(from); });
    add("copy_gbps", "copy, at most (read and write)", "GB/s", 8.0 * static_cast<double>(count) / copy / 1e9);
  }

  UNetFlops flops(const std::function<bool(const std::string& name)>& counts) {
    return count_flops(*model_.unet, height_, width_, model_.text_encoder->config().max_position_embeddings,
                       counts);
  }

  void add_share(const std::string& key, const std::string& title, double flops, double seconds) {
    add(key, title + ", of the matrix product's speed", "%", 100.0 * flops / seconds / ceiling_);
  }

  /// What comes before and after the UNet.
  void measure_ends() {
    const auto factor = model_.vae->config().factor();
    const auto image = random({1, 3, height_ * factor, width_ * factor}).clamp(-1.0, 1.0);
    add("text_encode_s", "text encoder, one prompt", "s",
        best_seconds(device_, [&] { model_.encode_text("a picture of a dog"); }));
    add("vae_encode_s", "VAE encoder, one picture", "s",
        best_seconds(device_, [&] { model_.encode_image(image, generator_); }));
    const auto latents = latents_of(1);
    add("vae_decode_s", "VAE decoder, one picture", "s",
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
    learn_samples(options_.learn.batch);  // libraries choose their algorithms
    reset_peak_memory(device_);
    const Timer timer(device_);
    learn_samples(options_.learn.samples);
    const double seconds = timer.seconds();
    const auto steps = options_.learn.samples / options_.learn.batch;
    add("learn_s", "learning, " + std::to_string(steps) + " steps of " + std::to_string(options_.learn.batch),
        "s", seconds);
    // Backward, a layer costs its forward pass for its input, and again for its weights where they learn.
    const auto all = flops([](const std::string&) { return true; });
    const auto learned = flops([&](const std::string& name) { return learns(options_.learn.layers, name); });
    add_share("learn_ceiling_percent", "learning",
              static_cast<double>(steps * options_.learn.batch) *
                  (2.0 * all.layers + 3.0 * all.attention + learned.layers),
              seconds);
    add_peak("learn_peak_gib", "most memory while learning");
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
        "a picture, " + std::to_string(options_.sample.steps) + " steps, guidance, " + std::to_string(batch) +
            " at once",
        "s", seconds);
    add_share("picture_" + name + "_ceiling_percent", "a picture, " + std::to_string(batch) + " at once",
              2.0 * static_cast<double>(options_.sample.steps) *
                  flops([](const std::string&) { return true; }).forward(),
              seconds);
    add_peak("draw_" + name + "_peak_gib", "most memory while drawing " + std::to_string(batch));
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
