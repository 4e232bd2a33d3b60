#pragma once

#include <string_view>

namespace forgedit {

constexpr std::string_view kBlanks = " \t\r\n";

/// `text` without `around` at both ends; a view into it.
constexpr std::string_view trimmed(std::string_view text, std::string_view around = kBlanks) {
  const auto first = text.find_first_not_of(around);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(around) - first + 1);
}

/// Whether nothing but blanks is in it.
constexpr bool is_blank(std::string_view text) {
  return trimmed(text).empty();
}

}  // namespace forgedit
