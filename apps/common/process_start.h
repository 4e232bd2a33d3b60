#pragma once

namespace forgedit {

/// Sets environment variables for the libraries unless the user has set them: cuBLAS then adds up in a fixed
/// order. Call it first in main.
void set_library_environment();

/// Lets malloc keep up to 64 MiB of freed memory per thread instead of giving each layer's tensors back to
/// the system. To clear these pages for the next layer takes a fifth of the CPU time of a small model.
void keep_freed_memory();

}  // namespace forgedit
