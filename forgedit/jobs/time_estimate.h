#pragma once

#include <cstdint>

#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "forgedit/pipelines/sampling/draw_options.h"
#include "forgedit/pipelines/sampling/sample_options.h"

namespace forgedit {

/// The floating-point operations of the UNet for pictures of one size, without the savings of fused kernels.
class UNetWork {
 public:
  /// `width` and `height` are in pixels. Only the shapes of the weights are used.
  UNetWork(const StableDiffusion& model, int width, int height);

  /// Operations of fine-tuning: three forward passes per sample, less those for gradients of frozen weights;
  /// one more with checkpointing.
  double learning(const LearnOptions& options, const MemoryPlan& memory) const;
  /// Operations of one image: two forward passes per sampling step.
  double sampling(const SampleOptions& options) const;

 private:
  const StableDiffusion& model_;
  std::int64_t height_, width_;  // of latents
  double layers_, attention_;
};

/// Estimates seconds of work on a device: its operations divided by the device's matrix product speed and by
/// the share of it that fine-tuning and sampling reached in measurements (docs/performance.md). Negative if
/// unknown.
class TimeEstimate {
 public:
  /// Measures the matrix product speed, which takes 0.3 s.
  TimeEstimate(const StableDiffusion& model, int width, int height);

  double learning(const LearnOptions& options) const;
  /// Seconds of one image in the batches of a plan, with decoding.
  double image(const SampleOptions& options, const DrawOptions& drawing) const;

 private:
  const StableDiffusion& model_;
  UNetWork work_;
  double rate_ = 0;  // FLOP/s
};

}  // namespace forgedit
