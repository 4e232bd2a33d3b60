#pragma once

namespace forgedit {

/// Sets what the libraries below read from the environment, where the user has not. cuBLAS then adds up in a
/// fixed order. OpenMP's threads sleep instead of spin while they wait: LibTorch and OpenBLAS each keep a
/// pool of one thread per core, and two spinning pools on the same cores take ten times as long. libgomp
/// reads its settings when it is loaded, so the program starts itself once more. Call first in main.
void use_passive_threads(char** argv);

}  // namespace forgedit
