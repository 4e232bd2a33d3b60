#include "apps/cli/pictures.h"

#include <spdlog/spdlog.h>

namespace forgedit::cli {

Image read_picture(const std::string& path, std::array<std::uint8_t, 3> background) {
  Image picture = read_image(path, background);
  for (const std::string& note : picture.notes) spdlog::warn("{}", note);
  return picture;
}

}  // namespace forgedit::cli
