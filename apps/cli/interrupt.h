#pragma once

namespace forgedit::cli {

/// From now on the first SIGINT or SIGTERM asks to stop; a second one ends the program at once.
void stop_on_signals();

/// Throws Cancelled when a signal asked to stop.
void throw_if_stopped();

}  // namespace forgedit::cli
