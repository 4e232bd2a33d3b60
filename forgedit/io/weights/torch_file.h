#pragma once

#include <string_view>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// Whether the bytes were written by torch.save: a zip archive, or the older sequence of pickles.
bool is_torch_file(std::string_view bytes);

/// The tensors of a torch.save file by name: from a dictionary of tensors, or one under its key `state_dict`
/// or `model`. Everything else in the file is ignored, and nothing is executed. Tensors that share a storage
/// share its memory. Throws Error naming the file for damage, for tensors that exceed their storage, and for
/// files without a dictionary of tensors. Format:
/// https://github.com/pytorch/pytorch/blob/main/torch/serialization.py (_save, _legacy_save)
StateDict read_torch_file(const WeightsInput& file, const TensorFilter& wanted = {});

}  // namespace forgedit
