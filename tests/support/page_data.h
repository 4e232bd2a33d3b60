#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace forgedit::testing {

/// What page_with_data put into a page.
inline nlohmann::json data_of_page(const std::string& page) {
  const std::string begin = "const data = ";
  const auto at = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(at, page.find(";\n", at) - at));
}

}  // namespace forgedit::testing
