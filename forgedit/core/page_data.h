#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// `page`, one of assets/*.html as cmake/embed_page.cmake embeds it, with `data` as the value of its constant
/// `data`. No text in `data` can end the page's script.
std::string page_with_data(std::string_view page, const nlohmann::json& data);

}  // namespace forgedit
