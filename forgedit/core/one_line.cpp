#include "forgedit/core/one_line.h"

namespace forgedit {
namespace {

constexpr std::string_view kGap = " \xe2\x80\xa6 ";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t most) {
  std::string line(text);
  if (line.size() > most) {
    // More of the beginning is kept: messages begin with what is wrong and often end with what was expected.
    auto head = most - most / 3, tail = line.size() - most / 3;
    while (head > 0 && is_continuation(line[head])) --head;
    while (tail < line.size() && is_continuation(line[tail])) ++tail;
    line = line.substr(0, head) + std::string(kGap) + line.substr(tail);
  }
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    if (c == '\n' || c == '\t' || c == '\r') {
      line[i] = ' ';
    } else if (c < 0x20 || c == 0x7f) {
      line[i] = '?';
    } else if (c == 0xc2 && i + 1 < line.size() && static_cast<unsigned char>(line[i + 1]) < 0xa0) {
      line.replace(i, 2, "?");  // U+0080 to U+009F: some terminals interpret these too
    }
  }
  return line;
}

}  // namespace forgedit
