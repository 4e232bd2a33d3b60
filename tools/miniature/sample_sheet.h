#pragma once

#include <filesystem>
#include <vector>

#include "forgedit/pipelines/sample.h"
#include "tools/miniature/scene.h"

namespace forgedit::miniature {

/// Draws `count` held-back captions with the model at the given guidance scales and writes a sheet: the true
/// pictures first, then one row a scale.
void write_sample_sheet(StableDiffusion& model, const EmojiPack& pack, int count,
                        const std::vector<double>& scales, std::uint64_t seed,
                        const std::filesystem::path& font, const std::filesystem::path& path);

}  // namespace forgedit::miniature
