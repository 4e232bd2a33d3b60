#pragma once

namespace forgedit {

/// Sets what the libraries below read from the environment, where the user has not: cuBLAS then adds up in a
/// fixed order. Call first in main.
///
/// A program that calls this is also started once more with OMP_WAIT_POLICY=passive, before any library's own
/// code runs, because libgomp reads its settings when it is loaded. OpenMP's threads then sleep instead of
/// spin while they wait: LibTorch and OpenBLAS each keep a pool of one thread per core, and two spinning
/// pools on the same cores take ten times as long.
void set_library_environment();

/// Lets malloc keep up to 64 MiB of freed memory per thread instead of giving each layer's tensors back to
/// the system, which must clear the pages for the next layer: a fifth of the CPU time of a small model.
void keep_freed_memory();

}  // namespace forgedit
