#pragma once

namespace forgedit {

/// Ends the program with one line and exit code 1 where its limits (setrlimit, a container's) let LibTorch
/// and OpenBLAS not even be initialised: these crash or kill the process. Called before any library's own
/// code, so it may use nothing but system calls.
void check_limits_early();

}  // namespace forgedit
