#pragma once

#include "forgedit/core/stop.h"

namespace forgedit {

/// Installs the signal handlers. The first SIGINT, SIGTERM, SIGUSR1 or SIGHUP asks to stop; a second SIGINT,
/// or a SIGTERM some time after that, ends the program at once. If the job does not check the request for 10
/// s, or for twice the longest time between two checks before, the program is ended: results are written
/// atomically. SIGHUP stays ignored under nohup. SIGPIPE and SIGXFSZ are ignored, so that writing fails with
/// an error instead.
void stop_on_signals();

/// A part that may take long without looking at requests to stop begins, such as writing gigabytes.
void allow_long_pause();

/// What the signals set: for the one job that the program runs.
const StopFlag& program_stop();

/// The signal that asked to stop; 0: none did.
int stop_signal();

/// To be called whenever a job looks at the flag: how far apart looks are decides how long they are waited
/// for.
void looked_at_stop();

/// The flag was seen: from now on the last results are written.
void allow_last_writes();

/// Throws Cancelled when a signal asked to stop.
void throw_if_stopped();

}  // namespace forgedit
