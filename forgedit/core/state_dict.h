#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace torch::nn {
class Module;
}

namespace forgedit {

/// Tensors by checkpoint key, in key order.
using StateDict = std::map<std::string, at::Tensor>;

/// "320x4x3x3", or "scalar".
std::string shape_text(at::IntArrayRef shape);

/// The parameters of `module` by checkpoint key (shared storage, not copies).
StateDict parameters_of(const torch::nn::Module& module);

/// Gives every parameter of `module` the tensor of its name, as float32 on the module's device without a copy
/// where none is needed. Missing, unexpected and misshapen tensors are reported together, by name.
/// `origin` (a file or folder) is the prefix of the message.
void load_state(torch::nn::Module& module, const StateDict& state, const std::string& origin);

/// Content fingerprint of weights: names, shapes and values, so that the same weights give the same text from
/// whatever files they came. 16 hexadecimal digits.
std::string fingerprint(const StateDict& state);

}  // namespace forgedit
