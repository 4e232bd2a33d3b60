#include "forgedit/core/page_data.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/json_text.h"

namespace forgedit {
namespace {

constexpr std::string_view kPlace = "/*DATA*/null";  // the text in the page that `data` replaces

}  // namespace

std::string page_with_data(std::string_view page, const nlohmann::json& data) {
  const auto text = json_text(data);
  const auto place = page.find(kPlace);
  std::string result(page.substr(0, place));
  result.reserve(page.size() + text.size());
  for (const char letter : text) {
    // Inside a script element "</script" would end it, and "<!--" would hide its end.
    if (letter == '<') {
      result += "\\u003c";
    } else {
      result += letter;
    }
  }
  return result.append(page.substr(place + kPlace.size()));
}

}  // namespace forgedit
