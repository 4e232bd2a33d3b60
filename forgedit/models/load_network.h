#pragma once

#include <new>
#include <string>

#include <torch/nn/module.h>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"

namespace forgedit {

/// Whether a tensor of this name holds the scale, or another part, of a quantised weight.
bool is_scale_of_weights(const std::string& name);
/// Throws Error for weights that are numbers of another scale than the network's: 8-bit floats with scales
/// beside them, and other quantised forms. `origin` is the prefix of the message.
void reject_scaled_weights(const StateDict& weights, const std::string& origin);

/// Tensors of the same names, shapes and kinds (floating point or not) that take no memory.
StateDict stand_ins(const StateDict& weights);

/// The weights with those of proj_in and proj_out in the network's shapes: old conversions hold a 1x1
/// convolution (out, in, 1, 1) where a linear layer (out, in) belongs, or the reverse. The same memory.
StateDict fit_projections(const torch::nn::Module& network, StateDict weights);

/// load_state; with `keep_half` the weights that layers can widen (nn/half_weights.h) stay in half precision.
void load_weights(torch::nn::Module& network, StateDict weights, const std::string& origin, bool keep_half);

/// A network with these settings and weights, for use as it is: no gradients, in evaluation. Throws Error
/// that starts with `origin` where settings and weights do not fit each other, or the settings ask for more
/// memory than there is. Weights are assigned, not copied, where they are float32 already; `keep_half` keeps
/// those in half precision that layers can widen (nn/half_weights.h), too.
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

/// Throws what load_network would throw, without touching the weights.
template <class Network, class Config>
void check_network(const Config& config, const StateDict& weights, const std::string& origin) {
  load_network<Network>(config, stand_ins(weights), origin);
}

}  // namespace forgedit
