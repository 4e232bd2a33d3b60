#include <algorithm>
#include <array>
#include <string_view>

#include "forgedit/io/weights/keymaps/keymaps.h"

namespace forgedit {
namespace {

/// Tensors that training programs save beside a network.
constexpr std::array<std::string_view, 9> kTraining{"loss.",   "discriminator.", "model_ema.",
                                                    "ema.",    "optimizer",      "lr_scheduler",
                                                    "scaler.", "callbacks.",     "hyper_parameters."};
constexpr std::array<std::string_view, 6> kCounters{"global_step", "epoch",     "iteration",
                                                    "step",        "num_steps", "pytorch-lightning_version"};
/// CLIP's other encoder, and the tensors that compare the two.
constexpr std::array<std::string_view, 5> kClipOutputs{"text_projection", "visual_projection",
                                                       "vision_model.", "logit_scale", "logit_bias"};

template <std::size_t count>
bool begins_with_one(const std::string& name, const std::array<std::string_view, count>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.compare(0, prefix.size(), prefix) == 0; });
}

}  // namespace

bool is_training_leftover(const std::string& name) {
  return begins_with_one(name, kTraining) ||
         std::find(kCounters.begin(), kCounters.end(), name) != kCounters.end();
}

bool is_clip_output(const std::string& name) {
  return begins_with_one(name, kClipOutputs);
}

StateDict without_leftovers(const StateDict& state, UnusedNames* unused) {
  StateDict result;
  for (const auto& [name, tensor] : state) {
    if (!is_training_leftover(name)) {
      result.emplace(name, tensor);
    } else if (unused) {
      unused->push_back(name);
    }
  }
  return result;
}

}  // namespace forgedit
