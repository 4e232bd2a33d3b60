#pragma once

#include "forgedit/jobs/places.h"

namespace forgedit {

/// As the environment has them: assets in $FORGEDIT_ASSETS, the source tree or the installed program's share
/// folder; the Hugging Face cache (HF_HUB_CACHE, HF_HOME, …); the system's fonts; OMP_NUM_THREADS.
Places find_places();

/// The user's presets: in $XDG_CONFIG_HOME, or ~/.config. Empty where the environment names neither.
std::filesystem::path presets_file();

}  // namespace forgedit
