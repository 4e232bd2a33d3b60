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
  /// The published loops multiply the loss by 65536 and never divide again; with Adam only ε feels that.
  double eps = 1e-8 / 65536.0;
};

/// What is trained of the UNet.
enum class Tuning {
  full,  ///< the weights of the layers that LearnOptions::layers selects
  lora,  ///< adapters of a low rank on the attention there (arXiv 2106.09685)
};

/// "full" or "lora". Throws a usage Error of the field "learn" otherwise.
Tuning parse_tuning(const std::string& name);
std::string tuning_name(Tuning tuning);

/// Settings of fine-tuning. Defaults are those of the published vanilla code; published_options has those of
/// the other methods.
struct LearnOptions {
  LearnMethod method = LearnMethod::vanilla;
  std::int64_t samples = 400;  ///< training samples of the UNet in all
  std::int64_t batch = 10;     ///< samples per step: 40 steps
  /// imagic: samples of the first phase, which trains the embedding alone; other methods have no such phase.
  std::int64_t embedding_samples = 0;
  double unet_lr = 6e-5;
  double text_lr = 1e-3;  ///< of the text embedding; dreambooth: of the text encoder
  AdamSettings adam;
  /// Fine-tuning stops early when a step's loss is under this ...
  double stop_loss = 0.03;
  /// ... and more than this many samples were used before the step.
  std::int64_t stop_after = 350;
  /// Fine-tuning stops once this share of the picture is known (KnownShare), and not by stop_loss; `samples`
  /// is then the maximum. 0: not used.
  double stop_known = 0;
  /// Share of the steps, at the end, over which the learning rates fall linearly to zero; 0: they stay
  /// constant.
  double lr_decay = 0;
  /// Takes one timestep of a batch from each of its equal parts of the schedule, instead of all at random.
  bool stratified_timesteps = false;
  /// Least signal-to-noise ratio at which a sample counts less (min-SNR-γ, arXiv 2303.09556); 0: all count
  /// the same.
  double snr_gamma = 0;
  LayerScope layers = LayerScope::code;
  Tuning tuning = Tuning::full;
  std::int64_t lora_rank = 0;  ///< of the adapters; 0 where none learn
  double lora_alpha = 0;       ///< the adapters' strength times their rank; 0: the rank
  std::uint64_t seed = 0;      ///< of posterior sample, noise and timesteps
  bool fast = false;  ///< bf16 on a GPU: gradients of attention add up in any order, other bytes every time

  /// What an adapter's product is multiplied with.
  double lora_scale() const { return lora_alpha > 0 ? lora_alpha / static_cast<double>(lora_rank) : 1; }
};

/// A method with the settings that it was published with.
LearnOptions published_options(LearnMethod method);

/// Has adapters learn (rank 16), or again the weights, at the rate that is usual for them; keeps all else.
void set_tuning(LearnOptions& options, Tuning tuning);
/// Throws a usage Error for settings of adapters where none learn, and for methods that cannot learn them.
void check_tuning(const LearnOptions& options);

/// A number of LearnOptions that people may set.
struct LearnNumber {
  const char* name;     ///< in requests; options have hyphens
  const char* summary;  ///< for --help
  double low, high;
  std::int64_t& (*whole)(LearnOptions&);  ///< null for numbers that need not be whole
  double& (*real)(LearnOptions&);         ///< null for whole numbers
};

/// All of them, in the order of their options.
std::span<const LearnNumber> learn_numbers();

}  // namespace forgedit
