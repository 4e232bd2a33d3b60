#pragma once

#include <c10/core/Device.h>

namespace forgedit {

/// Uses cuBLAS and cuDNN once for each kind of operation that a UNet has, in shapes of Stable Diffusion, so
/// that they load their code. Run it on a thread of its own beside a first step, which otherwise waits for
/// one library after the other. Does nothing on a CPU.
void load_kernels(const c10::Device& device);

}  // namespace forgedit
