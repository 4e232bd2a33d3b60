#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/job_context.h"

namespace forgedit {

/// Reads a picture of the user with read_image, and warns of read_image's notes.
Image read_picture(const std::filesystem::path& path, std::array<std::uint8_t, 3> background,
                   JobContext& job);

}  // namespace forgedit
