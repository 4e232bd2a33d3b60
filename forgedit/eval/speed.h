#pragma once

#include <functional>
#include <string>
#include <vector>

#include "forgedit/pipelines/learning/learn.h"
#include "forgedit/pipelines/sampling/sample.h"

namespace forgedit {

/// One measured number.
struct SpeedRow {
  std::string key;    ///< for records: learn_s, picture_b8_s …
  std::string title;  ///< for people
  std::string unit;
  double value = 0;
};

struct SpeedOptions {
  int width = 0, height = 0;  ///< pixels; 0: the model's native size
  LearnOptions learn;         ///< `samples` in batches of `batch`; never stopped early
  bool learns = true;         ///< false: fine-tuning does not fit into memory
  SampleOptions sample;
  std::vector<std::int64_t> batches{1, 8};  ///< images per batch
};

using SpeedCallback = std::function<void(const SpeedRow& row)>;

/// Times fine-tuning (from latents and embedding to learned weights), generating (UNet and sampler only, per
/// image), the VAE and the text encoder, on random latents and embeddings, each after a warm-up. For
/// comparison it measures a large matrix product and a large copy, the device's peak, and the share of the
/// former that fine-tuning and generating reach. `on_row` receives each row as soon as it is measured; it may
/// throw to stop.
std::vector<SpeedRow> measure_speed(StableDiffusion& model, const SpeedOptions& options,
                                    const SpeedCallback& on_row = {});

}  // namespace forgedit
