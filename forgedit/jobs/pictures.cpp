#include "forgedit/jobs/pictures.h"

namespace forgedit {

Image read_picture(const std::filesystem::path& path, std::array<std::uint8_t, 3> background,
                   JobContext& job) {
  Image picture = read_image(path, background);
  for (const std::string& note : picture.notes) job.warn(note);
  return picture;
}

}  // namespace forgedit
