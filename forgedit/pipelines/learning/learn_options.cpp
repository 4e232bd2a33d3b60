#include "forgedit/pipelines/learning/learn_options.h"

#include <array>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

using Options = LearnOptions;

constexpr LearnNumber whole(const char* name, const char* summary, double low, double high,
                            std::int64_t& (*member)(Options&)) {
  return {name, summary, low, high, member, nullptr};
}
constexpr LearnNumber real(const char* name, const char* summary, double low, double high,
                           double& (*member)(Options&)) {
  return {name, summary, low, high, nullptr, member};
}

constexpr std::array kNumbers{
    whole("samples", "training samples (picture and noise); steps = samples / batch [the method's]", 1, 1e6,
          [](Options& o) -> std::int64_t& { return o.samples; }),
    whole("batch", "samples per training step [the method's]", 1, 1e4,
          [](Options& o) -> std::int64_t& { return o.batch; }),
    whole("embedding_samples", "imagic: samples for training the embedding alone, before the UNet [500]", 1,
          1e6, [](Options& o) -> std::int64_t& { return o.embedding_samples; }),
    real("unet_lr", "learning rate of the UNet [the method's]", 0, 1,
         [](Options& o) -> double& { return o.unet_lr; }),
    real("text_lr", "learning rate of the text embedding; dreambooth: of the text encoder [the method's]", 0,
         1, [](Options& o) -> double& { return o.text_lr; }),
    real("beta1", "Adam's β1 [0.9]", 0, 0.999999, [](Options& o) -> double& { return o.adam.beta1; }),
    real("beta2", "Adam's β2 [0.999]", 0, 0.999999, [](Options& o) -> double& { return o.adam.beta2; }),
    real("adam_eps", "Adam's ε [1e-8/65536, the effective value in the published code]", 0, 1,
         [](Options& o) -> double& { return o.adam.eps; }),
    whole("lora_rank", "rank of the LoRA [16]", 1, 1024,
          [](Options& o) -> std::int64_t& { return o.lora_rank; }),
    real("lora_alpha", "alpha of the LoRA: its strength times its rank [the rank]", 1e-3, 1e6,
         [](Options& o) -> double& { return o.lora_alpha; }),
    real("stop_loss", "stop early once the loss is below this value ... [the method's]", 0, 1e6,
         [](Options& o) -> double& { return o.stop_loss; }),
    whole("stop_after", "... but not before this many samples [the method's]", 0, 1e6,
          [](Options& o) -> std::int64_t& { return o.stop_after; }),
    real(
        "stop_known",
        "stop once the model predicts this share of the picture (0 to 1), instead of by the loss; samples is "
        "then the maximum [0: off]",
        0, 1, [](Options& o) -> double& { return o.stop_known; }),
    real("lr_decay", "lower the learning rates linearly to zero over this share of the steps, at the end [0]",
         0, 0.9, [](Options& o) -> double& { return o.lr_decay; }),
    real("snr_gamma", "min-SNR loss weights with this γ; 5 is usual [0: none]", 0, 1e6,
         [](Options& o) -> double& { return o.snr_gamma; }),
};

/// The usual learning rate for a thousand steps (1e-4) is too low for the forty of vanilla, because adapters
/// start at zero (docs/lora.md has measurements).
constexpr double kAdapterRate = 1e-3, kImagicAdapterRate = 1e-4;
constexpr std::int64_t kAdapterRank = 16;

}  // namespace

Tuning parse_tuning(const std::string& name) {
  if (name == "full") return Tuning::full;
  if (name == "lora") return Tuning::lora;
  throw usage_error("learn", "unknown kind of training '" + name + "': expected full or lora");
}

std::string tuning_name(Tuning tuning) {
  return tuning == Tuning::lora ? "lora" : "full";
}

void set_tuning(LearnOptions& o, Tuning tuning) {
  if (o.tuning == tuning) return;  // setting the same kind again changes nothing
  const bool lora = tuning == Tuning::lora;
  o.tuning = tuning;
  o.lora_rank = lora ? kAdapterRank : 0;
  o.lora_alpha = 0;
  const bool imagic = o.method == LearnMethod::imagic;
  o.unet_lr = lora ? (imagic ? kImagicAdapterRate : kAdapterRate) : published_options(o.method).unet_lr;
}

void check_tuning(const LearnOptions& o) {
  if (o.tuning == Tuning::full) {
    if (o.lora_rank > 0) throw usage_error("lora_rank", "needs learn lora");
    if (o.lora_alpha > 0) throw usage_error("lora_alpha", "needs learn lora");
  } else if (o.method == LearnMethod::dreambooth) {
    throw usage_error("learn",
                      "method dreambooth trains the whole text encoder, but the LoRA has adapters only in "
                      "the UNet: use vanilla or imagic");
  }
}

std::span<const LearnNumber> learn_numbers() {
  return kNumbers;
}

LearnOptions published_options(LearnMethod method) {
  LearnOptions o;
  o.method = method;
  if (method == LearnMethod::vanilla) return o;
  o.layers = LayerScope::all;
  o.stop_loss = 0;
  o.stop_after = 0;
  if (method == LearnMethod::dreambooth) {
    o.samples = 400;
    o.batch = 4;
    o.unet_lr = o.text_lr = 5e-6;
  } else {
    o.embedding_samples = 500;
    o.samples = 1000;
    o.batch = 1;
    o.unet_lr = 2e-6;
    o.text_lr = 1e-3;
  }
  return o;
}

}  // namespace forgedit
