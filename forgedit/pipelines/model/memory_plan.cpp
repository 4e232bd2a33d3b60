#include "forgedit/pipelines/model/memory_plan.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/device/attention_in_parts.h"
#include "forgedit/models/unet_layout.h"

namespace forgedit {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
/// Workspaces of libraries and other memory that does not grow with the picture; measured 0.2 GiB on an H200.
constexpr std::int64_t kWorkspace = 320 * kMiB;
/// While fine-tuning: fragmentation by blocks of all sizes.
constexpr std::int64_t kLearningGaps = 192 * kMiB;
/// What LibTorch's allocator loses between blocks, for weights in separate tensors and for activations. Flat
/// vectors lose nothing.
constexpr double kWeightGaps = 1.04, kActivationGaps = 1.15;
constexpr std::int64_t kTiles[] = {96, 64, 48, 32, 24, 16};

/// Whether large attentions are computed in parts (attention_in_parts.h).
bool in_parts(const ComputePolicy& policy) {
  return policy.device.is_cpu() && policy.precision == Precision::fp32;
}

/// The number of values that the UNet keeps for the backward pass of one sample.
struct Activations {
  double all = 0;      ///< all blocks
  double inputs = 0;   ///< inputs of blocks, which checkpointing keeps
  double largest = 0;  ///< the largest block
  double at_work = 0;  ///< without a backward pass: one block, or one layer of a transformer
  double widest = 0;   ///< the largest feature map
  double sums = 0;     ///< weights of upsamplers, once for all samples (fused::upsample_weight)
  double stacked = 0;  ///< weights of self-attentions side by side, once for all samples (stacked_weights)
};

/// Counts the tensors that blocks keep with nn/fused.cpp (if `fused`) or with LibTorch's operators.
class ActivationCount {
 public:
  explicit ActivationCount(const MemoryTask& task)
      : fused_(task.policy.reduced()), in_parts_(in_parts(task.policy)), adapters_(task.unet_adapters > 0) {}

  void resnet(double in, double out, double pixels) {
    const double kept = (fused_ ? in + out : 3 * in + 4 * out) * pixels;
    add(in * pixels, kept, kept);
    sum_.widest = std::max(sum_.widest, (in + out) * pixels);
  }
  /// Fused: x and its norm; in each block three layer norms with their sums, queries, keys and values, two
  /// attentions, the feed-forward layer's eight. Otherwise also gates, and the attention matrix if attention
  /// is neither fused nor computed in parts. Adapters also need the feed-forward layer's activation.
  void transformer(double channels, double pixels, double heads, double blocks) {
    const double maps = adapters_ ? 25 : 21, outside = 2 * channels;
    const auto tokens = static_cast<std::int64_t>(pixels);
    const bool whole = !in_parts_ || !attends_in_parts(static_cast<std::int64_t>(heads), tokens, tokens);
    const double block = fused_ ? maps * channels : 31 * channels + (whole ? 2 * heads * pixels : 0);
    add(channels * pixels, (outside + blocks * block) * pixels, (outside + block) * pixels);
    sum_.stacked += fused_ ? 3 * channels * channels * blocks : 0;
  }
  void resample(double channels, double pixels) { add(0, channels * pixels, channels * pixels); }
  void sum_weights(double channels) { sum_.sums += fused_ ? 16 * channels * channels : 0; }
  const Activations& sum() const { return sum_; }

 private:
  void add(double input, double kept, double at_work) {
    sum_.all += kept;
    sum_.inputs += input;
    sum_.largest = std::max(sum_.largest, kept);
    sum_.at_work = std::max(sum_.at_work, at_work);
  }

  bool fused_, in_parts_, adapters_;
  Activations sum_;
};

Activations count_activations(const MemoryTask& task) {
  const auto factor = static_cast<double>(task.vae.factor());
  const auto pixels = [&](std::size_t level) {
    const double scale = factor * std::exp2(static_cast<double>(level));
    return std::ceil(task.width / scale) * std::ceil(task.height / scale);
  };
  ActivationCount count(task);
  for (const auto& block : unet_blocks(task.unet)) {
    const auto channels = static_cast<double>(block.out_channels), here = pixels(block.level);
    const bool mid = block.kind == UNetBlockOptions::Kind::mid;
    for (std::int64_t layer = 0; layer < block.layers; ++layer) {
      count.resnet(static_cast<double>(block.resnet_channels(layer)), channels, here);
      if (!block.cross_attention || (mid && layer > 0)) continue;
      count.transformer(channels, here, static_cast<double>(block.heads),
                        static_cast<double>(block.transformer_layers));
    }
    if (!block.resample) continue;
    if (block.kind == UNetBlockOptions::Kind::down) {
      count.resample(channels, pixels(block.level + 1));
    } else {
      count.resample(2 * channels, pixels(block.level - 1));
      count.sum_weights(channels);
    }
  }
  return count.sum();
}

/// Estimates of one task under one plan.
class Estimate {
 public:
  Estimate(const MemoryTask& task, const MemoryPlan& plan)
      : task_(task),
        plan_(plan),
        reduced_(task.policy.reduced()),
        bytes_(reduced_ ? 2 : 4),
        activations_(count_activations(task)) {}

  std::int64_t peak() const {
    double most = text_encoding();
    if (task_.batch > 0) most = std::max({most, encoding(), learning()});
    if (task_.draw_batch > 0) most = std::max({most, drawing(), decoding()});
    return static_cast<std::int64_t>(most) + outside_of_tensors(task_.policy.device);
  }
  /// What a fine-tuning step keeps for its backward pass, without a margin.
  std::int64_t step() const { return static_cast<std::int64_t>(step_activations()); }

 private:
  double unet() const { return kWeightGaps * bytes_ * static_cast<double>(task_.unet_count); }
  /// The encoder of the VAE stays float32.
  double vae() const { return kWeightGaps * (reduced_ ? 3.0 : 4.0) * static_cast<double>(task_.vae_count); }
  double text() const { return kWeightGaps * 4.0 * static_cast<double>(task_.text_count); }
  /// Weights of VAE and text encoder that stay on the device while unused.
  double idle_networks() const { return plan_.offload ? 0 : vae() + text(); }

  /// Encoding texts before fine-tuning and generating. Its activations are small.
  double text_encoding() const {
    const auto brought = kWeightGaps * 4.0 * static_cast<double>(task_.text_brought);
    return unet() + (plan_.offload ? brought : idle_networks()) + kWorkspace;
  }
  double learning() const {
    const bool adapters = task_.unet_adapters > 0;
    const auto count = static_cast<double>(adapters ? task_.unet_adapters : task_.unet_learning);
    const auto text_count = static_cast<double>(task_.text_learning);
    // Weights are uploaded into the later memory of Adam's averages, here as if all files had float32;
    // offloaded ones are uploaded one by one.
    const double averages = plan_.eight_bit_adam ? 2.04 : (reduced_ ? 4.0 : 8.0);
    const double adam = std::max(averages, reduced_ && !plan_.offload ? 4.0 : 0.0);
    // Trained weights are in memory beside their originals, unless the plan frees those. They have the lower
    // halves of float32 weights, and Adam.
    double total = unet() + originals() + count * ((reduced_ ? 2 : 0) + adam);
    total += idle_networks() + text_count * (4 + 4 + (reduced_ ? 8 : adam));
    if (text_count > 0 && plan_.offload) total += text();
    total += 1.5 * bytes_ * activations_.sums;  // and their gradients, one at a time
    // Unless a plan keeps gradients, they are allocated while activations are freed.
    const double gradients = count * bytes_, activations = kActivationGaps * step_activations();
    const bool keeps_gradients = plan_.saves_while_learning() || !task_.policy.device.is_cuda() || !reduced_;
    total += keeps_gradients ? gradients + activations : std::max(gradients, activations);
    return total + kWorkspace + kLearningGaps;
  }
  /// The original values of the trained weights of the UNet.
  double originals() const {
    const bool adapters = task_.unet_adapters > 0;
    return plan_.offload || adapters ? 0 : bytes_ * static_cast<double>(task_.unet_learning);
  }
  double step_activations() const {
    const auto samples = static_cast<double>(plan_.micro_batch > 0 ? plan_.micro_batch : task_.batch);
    const double kept =
        plan_.checkpointing ? activations_.inputs + 1.5 * activations_.largest : activations_.all;
    return samples * kept * bytes_;
  }

  double drawing() const {
    const auto pictures = static_cast<double>(
        plan_.draw_batch > 0 ? std::min(plan_.draw_batch, task_.draw_batch) : task_.draw_batch);
    // UNetAhead's copies of the projection weights of self-attention: a twentieth of the weights in SD 1.x,
    // more if transformers are deep.
    const double ahead = std::max(0.05 * unet(), kWeightGaps * bytes_ * activations_.stacked);
    return unet() + ahead + bytes_ * activations_.sums + idle_networks() + learned_weights() +
           2 * pictures * drawing_maps() + kWorkspace;
  }
  /// Feature maps of a sample without a backward pass: the skips and one block or layer.
  double drawing_maps() const {
    return kActivationGaps * bytes_ *
           (activations_.inputs / 2 + 0.6 * activations_.at_work + activations_.widest);
  }
  /// The original and the learned weights, from which forgetting chooses, and the weights just learned in
  /// float32.
  double learned_weights() const {
    if (plan_.offload) return 0;
    const double just_learned = reduced_ && task_.batch > 0 && task_.unet_adapters == 0 ? 4 : 0;
    return (2 * bytes_ + just_learned) * static_cast<double>(task_.unet_learning);
  }

  /// The VAE's feature maps at full size, where they are largest, and the attention of its mid block.
  double vae_maps(double channels, double bytes, double maps) const {
    const auto factor = static_cast<double>(task_.vae.factor());
    const auto side = [&](int pixels) {
      const double latents = pixels / factor;
      return plan_.vae_tile > 0 ? std::min(latents, static_cast<double>(plan_.vae_tile)) : latents;
    };
    const double latents = side(task_.width) * side(task_.height);
    const double attention = (bytes < 4 || in_parts(task_.policy) ? 0 : 3) * latents * latents;
    return kActivationGaps * bytes * std::max(maps * channels * latents * factor * factor, attention);
  }
  double encoding() const {
    const auto channels = static_cast<double>(task_.vae.block_out_channels.front());
    return unet() + vae() + (plan_.offload ? 0 : text()) + vae_maps(channels, 4, 6) + kWorkspace;
  }
  /// Decoding, beside a recorded sampler, which keeps its memory.
  double decoding() const {
    const auto& levels = task_.vae.block_out_channels;
    const auto channels = static_cast<double>(levels[std::min<std::size_t>(1, levels.size() - 1)]);
    return drawing() + (plan_.offload ? vae() : 0) + vae_maps(channels, bytes_, reduced_ ? 3.5 : 5);
  }

  const MemoryTask& task_;
  const MemoryPlan& plan_;
  bool reduced_;
  double bytes_;  // bytes of a weight or an activation
  Activations activations_;
};

/// The time of a run under a plan, relative to one without measures. Small batches use a GPU badly;
/// checkpointing adds a forward pass; offloading moves the trained weights there and back once per
/// fine-tuning, which takes nearly as long as fine-tuning. Measures that change results get the highest cost.
double cost_of(const MemoryTask& task, const MemoryPlan& plan) {
  const auto slowdown = [](std::int64_t part, std::int64_t whole) {
    const auto a_sample = [](std::int64_t samples) { return 1 + 1.3 / static_cast<double>(samples); };
    return part == 0 ? 1 : a_sample(part) / a_sample(whole);
  };
  double cost = 0;
  if (task.batch > 0) cost += slowdown(plan.micro_batch, task.batch) * (plan.checkpointing ? 1.33 : 1);
  if (task.draw_batch > 0) cost += slowdown(2 * plan.draw_batch, 2 * task.draw_batch);
  if (plan.offload) cost += task.batch > 0 ? 0.9 : 0.05;
  if (plan.eight_bit_adam) cost += 10;
  if (plan.vae_tile > 0) cost += 100 + 1.0 / static_cast<double>(plan.vae_tile);
  return cost;
}

/// Returns 0 (the whole batch) and the proper divisors of `batch`, so that all parts have the same size.
std::vector<std::int64_t> parts_of(std::int64_t batch) {
  std::vector<std::int64_t> parts{0};
  for (auto part = batch / 2; part > 0; --part) {
    if (batch % part == 0) parts.push_back(part);
  }
  return parts;
}

std::vector<std::int64_t> tiles_of(const MemoryTask& task) {
  std::vector<std::int64_t> tiles{0};
  const auto side = std::max(task.width, task.height) / static_cast<int>(task.vae.factor());
  for (const auto tile : kTiles) {
    if (tile < side) tiles.push_back(tile);
  }
  return tiles;
}

/// Returns every plan that is possible for the task.
std::vector<MemoryPlan> all_plans(const MemoryTask& task) {
  const auto& policy = task.policy;
  const bool learns = task.batch > 0;
  // Autocast does not reach into a backward pass (nn/checkpoint.h), and 8-bit Adam has kernels for two cases.
  const bool can_checkpoint = learns && (policy.reduced() || policy.precision == Precision::fp32);
  const bool can_quantise = learns && (policy.reduced() || policy.device.is_cpu());
  std::vector<std::int64_t> draws{0};
  for (auto at_once = task.draw_batch / 2; at_once > 0; at_once /= 2) draws.push_back(at_once);
  std::vector<MemoryPlan> plans;
  for (const bool offload : {false, true}) {
    if (offload && policy.device.is_cpu()) continue;
    for (const auto micro_batch : parts_of(task.batch)) {
      for (const bool checkpointing : {false, true}) {
        if (checkpointing && !can_checkpoint) continue;
        for (const bool eight_bit : {false, true}) {
          if (eight_bit && !can_quantise) continue;
          for (const auto tile : tiles_of(task)) {
            for (const auto at_once : draws) {
              plans.push_back({0, offload, micro_batch, checkpointing, eight_bit, tile, at_once, 0});
            }
          }
        }
      }
    }
  }
  return plans;
}

std::string gib_text(double gib) {
  return fmt::format("{:.4g} GiB", gib);
}

}  // namespace

std::int64_t outside_of_tensors(const c10::Device& device) {
  return (device.is_cuda() ? 768 : 256) * kMiB;
}

std::int64_t estimate_peak(const MemoryTask& task, const MemoryPlan& plan) {
  return Estimate(task, plan).peak();
}

std::int64_t estimate_step(const MemoryTask& task, const MemoryPlan& plan) {
  return Estimate(task, plan).step();
}

std::string describe(const MemoryPlan& plan) {
  if (plan.budget_gib == 0) return {};
  std::vector<std::string> measures;
  if (plan.offload) measures.emplace_back("unused weights offloaded to the CPU");
  if (plan.micro_batch > 0) measures.push_back(fmt::format("micro-batches of {}", plan.micro_batch));
  if (plan.checkpointing) measures.emplace_back("checkpointing");
  if (plan.eight_bit_adam) measures.emplace_back("8-bit Adam");
  if (plan.vae_tile > 0) measures.push_back(fmt::format("VAE in tiles of {} latents", plan.vae_tile));
  if (plan.draw_batch == 1) measures.emplace_back("one image per batch");
  if (plan.draw_batch > 1) measures.push_back(fmt::format("{} images per batch", plan.draw_batch));
  if (measures.empty()) measures.emplace_back("enough without any measures");
  return fmt::format("{}: {}", gib_text(plan.budget_gib), fmt::join(measures, ", "));
}

std::optional<MemoryPlan> find_memory_plan(const MemoryTask& task, double budget_gib) {
  std::optional<MemoryPlan> best;
  double best_cost = 0;
  for (auto& plan : all_plans(task)) {
    plan.estimated_peak = estimate_peak(task, plan);
    if (static_cast<double>(plan.estimated_peak) > budget_gib * kGiB) continue;
    const double cost = cost_of(task, plan);
    if (best && best_cost <= cost) continue;
    best = plan;
    best_cost = cost;
  }
  if (best) best->budget_gib = budget_gib;
  return best;
}

MemoryPlan plan_memory(const MemoryTask& task, double budget_gib) {
  if (const auto plan = find_memory_plan(task, budget_gib)) return *plan;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& plan : all_plans(task))
    least = std::min(least, static_cast<double>(estimate_peak(task, plan)));
  // Rounded up, so that the named budget is enough.
  const double gib = std::ceil(least / kGiB * 100) / 100;
  throw usage_error("memory", fmt::format("{} is too little for {} at {}x{}; the least that works is {}",
                                          gib_text(budget_gib), task.batch > 0 ? "fine-tuning" : "generating",
                                          task.width, task.height, gib_text(gib)));
}

}  // namespace forgedit
