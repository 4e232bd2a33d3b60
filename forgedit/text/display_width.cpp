#include "forgedit/text/display_width.h"

#include <utf8proc.h>

#include <algorithm>

#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

std::size_t width_of(char32_t c) {
  return static_cast<std::size_t>(std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(c))));
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char32_t c : decode_utf8(text)) width += width_of(c);
  return width;
}

std::string fit_columns(std::string_view text, std::size_t columns) {
  std::string result;
  for (const char32_t c : decode_utf8(text)) {
    const auto width = width_of(c);
    if (width > columns) break;
    columns -= width;
    append_utf8(result, c);
  }
  return result;
}

}  // namespace forgedit
