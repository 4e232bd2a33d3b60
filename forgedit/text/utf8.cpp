#include "forgedit/text/utf8.h"

#include <algorithm>
#include <cstddef>

namespace forgedit {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::size_t kMaxQuoted = 40;

/// What a lead byte determines: the number of continuation bytes, its payload, and the range of the second
/// byte. That range alone excludes overlong forms, surrogates and values above U+10FFFF.
struct Lead {
  int continuation = -1;  ///< -1: not a lead byte
  char32_t bits = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

Lead classify(unsigned char byte) {
  if (byte < 0x80) return {0, byte};
  if (byte < 0xC2) return {};
  if (byte < 0xE0) return {1, static_cast<char32_t>(byte & 0x1F)};
  if (byte < 0xF0) {
    const auto low = static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80);
    const auto high = static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF);
    return {2, static_cast<char32_t>(byte & 0x0F), low, high};
  }
  if (byte < 0xF5) {
    const auto low = static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80);
    const auto high = static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF);
    return {3, static_cast<char32_t>(byte & 0x07), low, high};
  }
  return {};
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    Lead lead = classify(static_cast<unsigned char>(text[at++]));
    while (lead.continuation > 0 && at < text.size()) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte < lead.low || byte > lead.high) break;
      lead = {lead.continuation - 1, (lead.bits << 6) | (byte & 0x3F)};
      ++at;
    }
    out.push_back(lead.continuation == 0 ? lead.bits : kReplacement);
  }
  return out;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto tail = [&](int shift) {
    out.push_back(static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)));
  };
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code_point >> 6)));
    tail(0);
  } else if (code_point < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code_point >> 12)));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | (code_point >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t code_point : text) append_utf8(out, code_point);
  return out;
}

std::string quote_text(std::string_view text) {
  // A code point has at most four bytes, so this prefix contains enough of them.
  std::u32string shown = decode_utf8(text.substr(0, 4 * (kMaxQuoted + 1)));
  const bool shortened = shown.size() > kMaxQuoted;
  if (shortened) shown.resize(kMaxQuoted);
  std::replace_if(
      shown.begin(), shown.end(),
      [](char32_t c) {
        return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == char32_t{0x2028} || c == char32_t{0x2029};
      },
      U'?');
  return '"' + encode_utf8(shown) + (shortened ? "...\"" : "\"");
}

}  // namespace forgedit
