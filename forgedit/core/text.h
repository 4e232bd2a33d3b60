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

/// std::string_view's functions of C++20, also for files that Clang compiles as C++17 (cmake/targets.cmake).
constexpr bool starts_with(std::string_view text, std::string_view beginning) {
  return text.substr(0, beginning.size()) == beginning;
}

constexpr bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Whether `text` contains nothing but blanks.
constexpr bool is_blank(std::string_view text) {
  return trimmed(text).empty();
}

}  // namespace forgedit
