#pragma once

#include <new>
#include <string>

#include <torch/nn/module.h>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"

namespace forgedit {

/// A network with these settings and weights, for use as it is: no gradients, in evaluation. Throws Error
/// that starts with `origin` where settings and weights do not fit each other, or the settings ask for more
/// memory than there is. Weights are assigned, not copied, where they are float32 already.
template <class Network, class Config>
Network load_network(const Config& config, const StateDict& weights, const std::string& origin) {
  const auto make = [&] {
    try {
      return Network(config);
    } catch (const c10::Error&) {
    } catch (const std::bad_alloc&) {
    }
    throw failure(origin + ": a network of the sizes that its settings name does not fit into memory");
  };
  Network network = make();
  load_state(*network, weights, origin);
  for (auto& parameter : network->parameters()) parameter.set_requires_grad(false);
  network->eval();
  return network;
}

}  // namespace forgedit
