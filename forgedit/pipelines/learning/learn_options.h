#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "forgedit/editing/method.h"
#include "forgedit/editing/train_scope.h"

namespace forgedit {

struct AdamSettings {
  double beta1 = 0.9;
  double beta2 = 0.999;
  /// The published loops multiply the loss by 65536 and never divide again; with Adam this only changes the
  /// effect of ε.
  double eps = 1e-8 / 65536.0;
};

/// The parameters of the UNet that are trained.
enum class Tuning {
  full,  ///< the weights of the layers that LearnOptions::layers selects
  lora,  ///< low-rank adapters on the attention layers there (arXiv 2106.09685)
};

/// Parses "full" or "lora". Throws a usage Error for the field "learn" otherwise.
Tuning parse_tuning(const std::string& name);
std::string tuning_name(Tuning tuning);

/// Settings of fine-tuning. Defaults are those of the published vanilla code; published_options has those of
/// the other methods.
struct LearnOptions {
  LearnMethod method = LearnMethod::vanilla;
  std::int64_t samples = 400;  ///< total training samples of the UNet
  std::int64_t batch = 10;     ///< samples per step: 40 steps
  /// imagic: samples of the first phase, which trains the embedding alone; 0 for other methods.
  std::int64_t embedding_samples = 0;
  double unet_lr = 6e-5;
  double text_lr = 1e-3;  ///< learning rate of the text embedding; dreambooth: of the text encoder
  AdamSettings adam;
  /// Fine-tuning stops early if a step's loss is below this ...
  double stop_loss = 0.03;
  /// ... and more than this many samples were used before the step.
  std::int64_t stop_after = 350;
  /// Fine-tuning stops once this share of the picture is known (KnownShare), and not by stop_loss; `samples`
  /// is then the maximum. 0: not used.
  double stop_known = 0;
  /// Share of the steps, at the end, over which the learning rates fall linearly to zero; 0: they stay
  /// constant.
  double lr_decay = 0;
  /// Samples one timestep of a batch from each of equal parts of the schedule, instead of all from the whole
  /// schedule.
  bool stratified_timesteps = false;
  /// Signal-to-noise ratio above which the loss of a sample gets a lower weight (min-SNR-γ, arXiv
  /// 2303.09556); 0: equal weights.
  double snr_gamma = 0;
  LayerScope layers = LayerScope::code;
  Tuning tuning = Tuning::full;
  std::int64_t lora_rank = 0;  ///< rank of the adapters; 0 without adapters
  double lora_alpha = 0;       ///< alpha of the adapters: their strength times their rank; 0: the rank
  std::uint64_t seed = 0;      ///< seed of posterior sample, noise and timesteps
  bool fast = false;           ///< bf16 on a GPU: faster, nondeterministic gradients of attention

  /// The factor of an adapter's product.
  double lora_scale() const { return lora_alpha > 0 ? lora_alpha / static_cast<double>(lora_rank) : 1; }
};

/// Returns the published settings of a method.
LearnOptions published_options(LearnMethod method);

/// Switches to training adapters (rank 16) or weights, with the usual learning rate for them. Keeps all other
/// settings.
void set_tuning(LearnOptions& options, Tuning tuning);
/// Throws a usage Error for settings of adapters without adapters, and for methods that cannot train
/// adapters.
void check_tuning(const LearnOptions& options);

/// A numeric setting of LearnOptions that users can set.
struct LearnNumber {
  const char* name;     ///< name in requests; options have hyphens
  const char* summary;  ///< for --help
  double low, high;
  std::int64_t& (*whole)(LearnOptions&);  ///< null for numbers that need not be whole
  double& (*real)(LearnOptions&);         ///< null for whole numbers
};

/// All numeric settings, in the order of the options.
std::span<const LearnNumber> learn_numbers();

}  // namespace forgedit
