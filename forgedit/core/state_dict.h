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

/// The shape as text: "320x4x3x3", or "scalar".
std::string shape_text(at::IntArrayRef shape);

/// The parameters of `module` by checkpoint key (shared storage, not copies).
StateDict parameters_of(const torch::nn::Module& module);

/// Gives every parameter of `module` the tensor of its name, as float32 on the module's device, without a
/// copy if none is needed. Throws a failure that lists missing, unexpected and misshapen tensors by name.
/// `origin` (a file or folder) is the prefix of the message.
void load_state(torch::nn::Module& module, const StateDict& state, const std::string& origin);

/// The fingerprint of weights by names, shapes and values, as 16 hexadecimal digits. The same weights give
/// the same text, whatever files they come from.
std::string fingerprint(const StateDict& state);

}  // namespace forgedit
