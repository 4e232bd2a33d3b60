#include "forgedit/jobs/time_estimate.h"

#include "forgedit/device/throughput.h"
#include "forgedit/editing/train_scope.h"
#include "forgedit/models/unet_flops.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {
namespace {

/// Of a matrix product's speed as measure_matmul_quickly finds it; on a GPU fitted to an H200's times.
struct Shares {
  double learning, one_image, many_images;
};
constexpr Shares kCpuShares{0.89, 0.79, 1.0}, kGpuShares{0.54, 0.44, 0.68};

/// Decoding an image takes about as long as so many of its steps: 1.1 of the miniature's on a CPU, 1.5 to 2.2
/// of SD 1.4's on a GPU.
constexpr double kStepsOfDecoding = 1.5;

const Shares& shares_of(const ComputePolicy& policy) {
  return policy.device.is_cuda() ? kGpuShares : kCpuShares;
}

}  // namespace

UNetWork::UNetWork(const StableDiffusion& model, int width, int height)
    : model_(model),
      height_(height / model.vae->config().factor()),
      width_(width / model.vae->config().factor()) {
  const auto all =
      count_flops(*model.unet, height_, width_, model.text_encoder->config().max_position_embeddings,
                  [](const std::string&) { return true; });
  layers_ = all.layers;
  attention_ = all.attention;
}

double UNetWork::learning(const LearnOptions& options, const MemoryPlan& memory) const {
  const auto learned =
      count_flops(*model_.unet, height_, width_, model_.text_encoder->config().max_position_embeddings,
                  [&](const std::string& name) {
                    return options.tuning == Tuning::full && learns(options.layers, name);
                  });
  // Backward, a layer costs its forward pass for its input, and again for its weights where they learn. What
  // adapters add is not counted.
  const double again = memory.checkpointing ? layers_ + attention_ : 0;
  const double through = 2.0 * layers_ + 3.0 * attention_ + again;
  const auto samples = [&](std::int64_t count) {
    return static_cast<double>(count / options.batch * options.batch);
  };
  return samples(options.samples) * (through + learned.layers) + samples(options.embedding_samples) * through;
}

double UNetWork::sampling(const SampleOptions& options) const {
  return 2.0 * static_cast<double>(options.steps_taken()) * (layers_ + attention_);
}

TimeEstimate::TimeEstimate(const StableDiffusion& model, int width, int height)
    : model_(model), work_(model, width, height) {
  const auto rate = measure_matmul_quickly(model.policy);
  // On a GPU, other work for this job may run beside the measurement (PreparedLearning).
  rate_ = model.policy.device.is_cuda() ? rate.best : rate.mean;
}

// Pictures are known after about half of the longest time (docs/learning.md).
constexpr double kUntilKnown = 0.5;

double TimeEstimate::learning(const LearnOptions& options) const {
  if (rate_ <= 0) return -1;
  const double all = work_.learning(options, model_.memory) / (rate_ * shares_of(model_.policy).learning);
  return options.stop_known > 0 ? kUntilKnown * all : all;
}

double TimeEstimate::image(const SampleOptions& options, const DrawOptions& drawing) const {
  if (rate_ <= 0) return -1;
  const auto most = model_.memory.draw_batch;
  const auto batch = most > 0 ? most : images_per_batch(drawing, model_.policy);
  const auto& shares = shares_of(model_.policy);
  const double share = batch > 1 ? shares.many_images : shares.one_image;
  const double decoding = 1 + kStepsOfDecoding / static_cast<double>(options.steps_taken());
  return work_.sampling(options) * decoding / (rate_ * share);
}

}  // namespace forgedit
