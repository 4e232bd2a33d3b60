#pragma once

#include <filesystem>
#include <string>

namespace forgedit::cli {

/// Where results go when the user does not say: out/PICTURE-TARGET, numbered where that is taken.
std::filesystem::path default_output_folder(const std::string& picture_name, const std::string& target);

}  // namespace forgedit::cli
