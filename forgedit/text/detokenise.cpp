#include "forgedit/text/detokenise.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <sstream>
#include <string_view>
#include <vector>

#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

using std::string_view;

bool is_one_of(string_view word, std::initializer_list<string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_closing(string_view word) {
  return is_one_of(word, {".", ",", ";", ":", "!", "?", "%", ")", "]", "}", "\u201d", "\u2026", "\u3002",
                          "\u3001", "\uff0c", "\u00bb", "\u00b0"});
}

bool is_opening(string_view word) {
  return is_one_of(
      word, {"(", "[", "{", "$", "\u00a3", "\u20ac", "\u00a5", "#", "\u201c", "\u00ab", "\u00bf", "\u00a1"});
}

bool is_apostrophe(string_view word) {
  return is_one_of(word, {"'", "\u2019"});
}

bool is_number(string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

/// Whether `word` has letters or digits of any script.
bool is_word(string_view word) {
  return !word.empty() && (static_cast<unsigned char>(word.front()) >= 0x80
                               ? !is_closing(word) && !is_opening(word) && !is_apostrophe(word)
                               : std::isalnum(static_cast<unsigned char>(word.front())) != 0);
}

bool is_ideograph(string_view word) {
  const auto characters = decode_utf8(word);
  return characters.size() == 1 && characters[0] >= 0x3040 && characters[0] < 0xa000;
}

class Joiner {
 public:
  explicit Joiner(std::vector<std::string> words) : words_(std::move(words)) {}

  std::string text() {
    std::string text;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const bool apart = is_apart(i);
      if (i > 0 && apart) text += ' ';
      text += words_[i];
    }
    return text;
  }

 private:
  string_view at(std::size_t place) const {
    return place < words_.size() ? string_view(words_[place]) : string_view();
  }

  /// Whether a space belongs before word `i`. Must be called for each word from left to right.
  bool is_apart(std::size_t i) {
    const auto before = at(i - 1), here = at(i), next = at(i + 1);
    const bool was_glued = glue_;
    glue_ = false;
    if (is_between(i, before, here, next)) {
      glue_ = true;
      return false;
    }
    if (here == "\"") {
      quote_open_ = !quote_open_;
      glue_ = quote_open_;
      return quote_open_ && !was_glued && !is_opening(before);
    }
    if (is_apostrophe(here) && !was_glued) return is_apart_as_quote(i);
    if (was_glued || is_opening(before)) return false;
    if (is_ideograph(before) && is_ideograph(here)) return false;
    return !is_closing(here);
  }

  /// Whether a punctuation mark joins words or numbers: t-shirt, and/or, 3.5, 10:30, 1,000, man's.
  static bool is_between(std::size_t i, string_view before, string_view here, string_view next) {
    if (i == 0 || !is_word(before) || !is_word(next)) return false;
    if (here == "-" || here == "/" || here == "_") return true;
    if (here == "." || here == ":") return is_number(before) && is_number(next);
    if (here == ",") return is_number(before) && is_number(next) && next.size() == 3 && before.size() < 4;
    return is_apostrophe(here) && is_one_of(next, {"s", "t", "m", "d", "re", "ve", "ll"});
  }

  /// Whether a space belongs before an apostrophe that joins no two words. If there are two of them, they are
  /// quotation marks; otherwise it is written as in dogs' toys.
  bool is_apart_as_quote(std::size_t i) {
    if (single_open_) {
      single_open_ = false;
      return false;
    }
    for (std::size_t later = i + 1; later < words_.size() && !single_open_; ++later) {
      single_open_ = is_apostrophe(at(later)) && !is_between(later, at(later - 1), at(later), at(later + 1));
    }
    glue_ = single_open_;
    return single_open_ && !is_opening(at(i - 1));
  }

  std::vector<std::string> words_;
  bool glue_ = false;  // the next word follows without a space
  bool quote_open_ = false, single_open_ = false;
};

}  // namespace

std::string detokenise(const std::string& words) {
  std::istringstream stream(words);
  std::vector<std::string> list;
  for (std::string word; stream >> word;) list.push_back(word);
  return Joiner(std::move(list)).text();
}

}  // namespace forgedit
