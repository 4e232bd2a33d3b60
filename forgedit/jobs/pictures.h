#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/job_context.h"

namespace forgedit {

/// As read_image, for a picture of the user: what there is to know of how it was read is a warning.
Image read_picture(const std::filesystem::path& path, std::array<std::uint8_t, 3> background,
                   JobContext& job);

}  // namespace forgedit
