#pragma once

namespace forgedit {

/// Ends the program with one line and exit code 1 if its limits (setrlimit, a container's) are too low to
/// initialise LibTorch and OpenBLAS, which would crash or kill the process. Called before any library's own
/// code, so it may use nothing but system calls.
void check_limits_early();

}  // namespace forgedit
