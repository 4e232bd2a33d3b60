#pragma once

#include "forgedit/jobs/places.h"

namespace forgedit {

/// Finds all places in the environment: assets in $FORGEDIT_ASSETS, the source tree or the installed
/// program's share folder; the Hugging Face cache (HF_HUB_CACHE, HF_HOME, …); the system's fonts;
/// OMP_NUM_THREADS.
Places find_places();

/// The file of the user's presets, in $XDG_CONFIG_HOME or ~/.config. Empty if the environment names neither.
std::filesystem::path presets_file();

}  // namespace forgedit
