#pragma once

#include "forgedit/core/stop.h"

namespace forgedit {

/// Blocks the signals of stop_on_signals in this thread and in those that it will start.
void block_stop_signals();

/// Makes signals requests to stop. The first SIGINT, SIGTERM, SIGUSR1 or SIGHUP asks to stop; a second
/// SIGINT, or a SIGTERM some time after that, ends the program at once. If the job does not check the request
/// for 10 s, or for twice the longest time between two checks before, the program is ended: results are
/// written atomically. SIGHUP stays ignored under nohup. SIGPIPE and SIGXFSZ are ignored, so that writing
/// fails with an error instead. A thread of ours waits for the signals, which those that exist before must
/// block (block_stop_signals).
void stop_on_signals();

/// Restores the usual effect of these four signals: they end the program at once. Call it on the same thread,
/// before the program starts others.
void end_on_signals();

/// Call before a part that may take long without a check for requests to stop, such as writing gigabytes.
void allow_long_pause();

/// The flag that the signals set, for the one job that the program runs.
const StopFlag& program_stop();

/// The signal that asked to stop; 0: none did.
int stop_signal();

/// Call whenever a job checks the flag. The longest time between two checks decides how long the program
/// waits for the next one.
void looked_at_stop();

/// Call when the job has seen the flag and begins to write its last results.
void allow_last_writes();

/// Throws Cancelled if a signal asked to stop.
void throw_if_stopped();

}  // namespace forgedit
