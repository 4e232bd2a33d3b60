#pragma once

#include <new>
#include <string>

#include <torch/nn/module.h>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"

namespace forgedit {

/// Whether a tensor with this name is a scale or another part of a quantised weight.
bool is_scale_of_weights(const std::string& name);
/// Throws Error for quantised weights, whose values must be scaled first: 8-bit floats stored with scales,
/// and other quantised forms. `origin` is the prefix of the message.
void reject_scaled_weights(const StateDict& weights, const std::string& origin);

/// Returns tensors with the same names and shapes that take no memory. Floating-point tensors become float32;
/// other types stay the same.
StateDict stand_ins(const StateDict& weights);

/// Returns the same weights, but those of proj_in and proj_out are viewed in the network's shapes: old
/// conversions store a 1x1 convolution (out, in, 1, 1) in place of a linear layer (out, in), or the reverse.
/// Copies nothing.
StateDict fit_projections(const torch::nn::Module& network, StateDict weights);

/// Loads the weights into the network as load_state does. With `keep_half`, the weights that half_candidates
/// (nn/half_weights.h) lists stay in half precision.
void load_weights(torch::nn::Module& network, StateDict weights, const std::string& origin, bool keep_half);

/// Returns a network with these settings and weights for inference: in evaluation mode, without gradients.
/// Weights that are float32 already are assigned, not copied. With `keep_half`, weights listed by
/// half_candidates (nn/half_weights.h) stay in half precision. Throws Error that begins with `origin` if
/// settings and weights do not match, or if a network with these settings does not fit into memory.
template <class Network, class Config>
Network load_network(const Config& config, const StateDict& weights, const std::string& origin,
                     bool keep_half = false) {
  const auto make = [&] {
    try {
      return Network(config);
    } catch (const c10::Error&) {
    } catch (const std::bad_alloc&) {
    }
    throw failure(origin + ": a network of the sizes that its settings name does not fit into memory");
  };
  reject_scaled_weights(weights, origin);
  Network network = make();
  load_weights(*network, fit_projections(*network, weights), origin, keep_half);
  for (auto& parameter : network->parameters()) parameter.set_requires_grad(false);
  network->eval();
  return network;
}

/// Throws the errors that load_network would throw, without reading the weights' values.
template <class Network, class Config>
void check_network(const Config& config, const StateDict& weights, const std::string& origin) {
  load_network<Network>(config, stand_ins(weights), origin);
}

}  // namespace forgedit
