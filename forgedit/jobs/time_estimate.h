#pragma once

#include <cstdint>

#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "forgedit/pipelines/sampling/draw_options.h"
#include "forgedit/pipelines/sampling/sample_options.h"

namespace forgedit {

/// Floating-point operations of the UNet for pictures of one size, as the plain way needs them.
class UNetWork {
 public:
  /// width and height in pixels. The weights count by their shapes only.
  UNetWork(const StableDiffusion& model, int width, int height);

  /// All samples of learning: three forward passes each, less what does not learn; with checkpointing one
  /// more.
  double learning(const LearnOptions& options, const MemoryPlan& memory) const;
  /// One image: two forward passes a step.
  double sampling(const SampleOptions& options) const;

 private:
  const StableDiffusion& model_;
  std::int64_t height_, width_;  // of latents
  double layers_, attention_;
};

/// How long work takes on a device: its operations divided by the device's matrix product speed and by the
/// share of it that learning and sampling were measured to reach (docs/performance.md). Seconds are negative
/// where nothing can be said.
class TimeEstimate {
 public:
  /// Takes 0.3 s.
  TimeEstimate(const StableDiffusion& model, int width, int height);

  double learning(const LearnOptions& options) const;
  /// One image of a plan's batches, decoding included.
  double image(const SampleOptions& options, const DrawOptions& drawing) const;

 private:
  const StableDiffusion& model_;
  UNetWork work_;
  double rate_;  // FLOP/s
};

}  // namespace forgedit
