#include "forgedit/pipelines/learning/learn_options.h"

#include <array>

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
    whole("samples", "training samples (picture and noise); steps = samples / batch", 1, 1e6,
          [](Options& o) -> std::int64_t& { return o.samples; }),
    whole("batch", "samples a step", 1, 1e4, [](Options& o) -> std::int64_t& { return o.batch; }),
    whole("embedding_samples", "imagic: samples from which the embedding learns alone, beforehand", 1, 1e6,
          [](Options& o) -> std::int64_t& { return o.embedding_samples; }),
    real("unet_lr", "learning rate of the UNet", 0, 1, [](Options& o) -> double& { return o.unet_lr; }),
    real("text_lr", "learning rate of the text embedding; dreambooth: of the text encoder", 0, 1,
         [](Options& o) -> double& { return o.text_lr; }),
    real("beta1", "Adam's β1 [0.9]", 0, 0.999999, [](Options& o) -> double& { return o.adam.beta1; }),
    real("beta2", "Adam's β2 [0.999]", 0, 0.999999, [](Options& o) -> double& { return o.adam.beta2; }),
    real("adam_eps", "Adam's ε [1e-8/65536, the published loops' in effect]", 0, 1,
         [](Options& o) -> double& { return o.adam.eps; }),
    real("stop_loss", "end early under this loss ...", 0, 1e6,
         [](Options& o) -> double& { return o.stop_loss; }),
    whole("stop_after", "... once this many samples were used", 0, 1e6,
          [](Options& o) -> std::int64_t& { return o.stop_after; }),
};

}  // namespace

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
