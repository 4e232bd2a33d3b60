#include "forgedit/jobs/places.h"

#include "forgedit/core/error.h"

namespace forgedit {

const std::filesystem::path& assets_of(const Places& places) {
  if (places.assets.empty()) throw failure(places.no_assets);
  return places.assets;
}

Fonts fonts_of(const Places& places) {
  return {assets_of(places) / kFontFile, places.font_folders};
}

}  // namespace forgedit
