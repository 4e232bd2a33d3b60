#include "forgedit/text/clip_pretokenize.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "forgedit/core/error.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

enum class CharClass { space, letter, digit, other };

CharClass classify(char32_t c) {
  if (clip_is_space(c)) return CharClass::space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::digit;
    default:
      return CharClass::other;
  }
}

int combining_class(utf8proc_int32_t c) {
  return utf8proc_get_property(c)->combining_class;
}

/// Canonical decomposition. utf8proc_decompose takes quadratic time to order long runs of marks.
std::vector<utf8proc_int32_t> decompose(std::u32string_view text) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    std::array<utf8proc_int32_t, 32> parts{};
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                               UTF8PROC_DECOMPOSE, nullptr);
    if (count < 0 || static_cast<std::size_t>(count) > parts.size()) {
      throw failure("text: code point " + std::to_string(static_cast<std::uint32_t>(c)) +
                    " cannot be normalised");
    }
    out.insert(out.end(), parts.begin(), parts.begin() + count);
  }
  const auto is_mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
  for (auto run = std::find_if(out.begin(), out.end(), is_mark); run != out.end();) {
    const auto run_end = std::find_if_not(run, out.end(), is_mark);
    std::stable_sort(run, run_end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    run = std::find_if(run_end, out.end(), is_mark);
  }
  return out;
}

std::vector<utf8proc_int32_t> to_nfc(std::u32string_view text) {
  std::vector<utf8proc_int32_t> buffer = decompose(text);
  const auto length =
      utf8proc_normalize_utf32(buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) throw failure(std::string("text cannot be normalised: ") + utf8proc_errmsg(length));
  buffer.resize(static_cast<std::size_t>(length));
  return buffer;
}

/// The length of the contraction that `text` begins with, or 0.
std::size_t contraction_length(std::u32string_view text) {
  constexpr std::array<std::u32string_view, 7> kContractions{U"'s", U"'t",  U"'re", U"'ve",
                                                             U"'m", U"'ll", U"'d"};
  for (const auto contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

/// The length of the control token's name if `text` begins with a control token, or 0.
std::size_t control_name_length(std::u32string_view text) {
  if (text.starts_with(U"<|startoftext|>")) return std::u32string_view(U"startoftext").size();
  if (text.starts_with(U"<|endoftext|>")) return std::u32string_view(U"endoftext").size();
  return 0;
}

}  // namespace

bool clip_is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool clip_is_word(char32_t c) {
  if (c == 0x200C || c == 0x200D) return true;  // zero-width joiners
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

std::u32string clip_normalize(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const utf8proc_int32_t point : to_nfc(text)) {
    const auto c = static_cast<char32_t>(point);
    if (clip_is_space(c)) {
      if (out.empty() || out.back() != U' ') out.push_back(U' ');
    } else if (c == 0x130) {
      out += U"i\u0307";  // the only code point with two code points as lower case; utf8proc maps one to one
    } else {
      out.push_back(static_cast<char32_t>(utf8proc_tolower(point)));
    }
  }
  return out;
}

std::vector<std::string> clip_split(std::u32string_view normalized) {
  std::vector<std::string> words;
  std::size_t at = 0;
  const auto take = [&](std::size_t length) {
    words.push_back(encode_utf8(normalized.substr(at, length)));
    at += length;
  };
  while (at < normalized.size()) {
    const auto rest = normalized.substr(at);
    if (const auto length = contraction_length(rest)) {
      take(length);
      continue;
    }
    if (const auto name = control_name_length(rest)) {
      // Only a spelling that normalisation created gets here. The reference matches it as a whole; then its
      // byte-level step splits it again: "<|", name, "|>".
      take(2);
      take(name);
      take(2);
      continue;
    }
    const CharClass kind = classify(rest.front());
    if (kind == CharClass::space) {
      ++at;
      continue;
    }
    std::size_t length = 1;
    if (kind != CharClass::digit) {
      while (length < rest.size() && classify(rest[length]) == kind) ++length;
    }
    take(length);
  }
  return words;
}

std::array<unsigned char, 256> clip_byte_order() {
  const auto printable = [](int byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
  };
  std::array<unsigned char, 256> order{};
  std::size_t filled = 0;
  for (const bool wanted : {true, false}) {
    for (int byte = 0; byte < 256; ++byte) {
      if (printable(byte) == wanted) order[filled++] = static_cast<unsigned char>(byte);
    }
  }
  return order;
}

const std::array<std::string, 256>& clip_byte_symbols() {
  static const std::array<std::string, 256> symbols = [] {
    constexpr std::size_t kPrintable = 188;  // these represent themselves, the others are U+0100 and up
    std::array<std::string, 256> out;
    const auto order = clip_byte_order();
    for (std::size_t i = 0; i < order.size(); ++i) {
      append_utf8(out[order[i]], i < kPrintable ? order[i] : static_cast<char32_t>(0x100 + i - kPrintable));
    }
    return out;
  }();
  return symbols;
}

}  // namespace forgedit
