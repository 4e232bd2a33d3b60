#pragma once

#include <filesystem>

#include "forgedit/pipelines/sampling/sample.h"
#include "tools/miniature/scene.h"

namespace forgedit::miniature {

/// Draws `count` held-back captions with the method's settings and writes a sheet: each true picture above
/// the drawn one.
void write_sample_sheet(StableDiffusion& model, const EmojiPack& pack, int count, std::uint64_t seed,
                        const std::filesystem::path& font, const std::filesystem::path& path);

}  // namespace forgedit::miniature
