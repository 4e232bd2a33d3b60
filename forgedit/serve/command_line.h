#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// `text` as one word of a shell.
std::string shell_word(const std::string& text);

/// The line for a shell that does what `request` asks for, with the same bytes on a CPU; `picture_name` is
/// what the picture's file is called there (empty: "picture.png"), and a saved edit lies in "learned.edit".
/// Empty for requests that no command has.
std::string command_line(const nlohmann::json& request, const std::string& picture_name);

}  // namespace forgedit
