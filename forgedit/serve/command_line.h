#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// The shell command that does what `request` asks for, with the same bytes on a CPU; empty if no command
/// can. In it the picture's file is called `picture_name` ("picture.png" if that is empty), and the saved
/// edit "learned.edit".
std::string command_line(const nlohmann::json& request, const std::string& picture_name);

}  // namespace forgedit
