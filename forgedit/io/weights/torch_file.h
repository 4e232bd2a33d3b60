#pragma once

#include <string_view>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// Whether the bytes are what torch.save writes: a zip archive, or the older row of pickles.
bool is_torch_file(std::string_view bytes);

/// The tensors of a file of torch.save by name: a dictionary of tensors, or one under its key `state_dict` or
/// `model`. Everything else in the file is ignored and never executed. Tensors that share a storage share its
/// memory. Throws Error that names the file: damage, tensors that do not stay within their storage, files
/// that hold no dictionary of tensors. Format:
/// https://github.com/pytorch/pytorch/blob/main/torch/serialization.py (_save, _legacy_save)
StateDict read_torch_file(const WeightsInput& file, const TensorFilter& wanted = {});

}  // namespace forgedit
