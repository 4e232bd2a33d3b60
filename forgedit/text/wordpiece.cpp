#include "forgedit/text/wordpiece.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxVocabularyBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxWordLength = 100;  // BERT treats longer words as unknown
constexpr std::string_view kContinuation = "##";
constexpr std::string_view kUnknown = "[UNK]";
constexpr std::array<std::string_view, 7> kControls{"[PAD]",  kUnknown, "[CLS]", "[SEP]",
                                                    "[MASK]", "[DEC]",  "[ENC]"};

std::vector<std::string> read_lines(const fs::path& file) {
  const auto contents = read_file(file, kMaxVocabularyBytes);
  std::vector<std::string> lines;
  for (std::string_view rest = contents; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      throw failure(file.string() + ": line " + std::to_string(lines.size() + 1) +
                    ": expected a token, found nothing");
    }
    lines.emplace_back(line);
  }
  return lines;
}

/// Puts a token at its id. Ids may have gaps, but an id of `file_bytes` or more cannot be valid.
void place(std::vector<std::string>& tokens, const std::string& token, const nlohmann::json& id,
           std::uint64_t file_bytes, const std::string& origin) {
  // The parser makes positive numbers unsigned, so this also rejects negative ones.
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= file_bytes) {
    throw failure(origin + ": " + quote_text(token) + ": expected an id from 0 to " +
                  std::to_string(file_bytes - 1));
  }
  const auto at = id.get<std::size_t>();
  if (at >= tokens.size()) tokens.resize(at + 1);
  if (!tokens[at].empty() && tokens[at] != token) {
    throw failure(origin + ": " + quote_text(token) + ": id " + std::to_string(at) + " is also that of " +
                  quote_text(tokens[at]));
  }
  tokens[at] = token;
}

/// Reads the vocabulary of a tokenizer.json: model.vocab and added_tokens.
std::vector<std::string> read_tokenizer_json(const fs::path& file) {
  const auto json = read_json_object(file);
  const auto file_bytes = static_cast<std::uint64_t>(fs::file_size(file));
  const auto reject = [&](const std::string& key, const std::string& what) {
    return failure(file.string() + ": " + key + ": " + what);
  };
  const auto model = json.find("model");
  if (model == json.end() || !model->is_object()) throw reject("model", "expected an object");
  const ConfigReader settings(file.string() + ": model", *model);
  const auto type = settings.text("type", "WordPiece");
  if (type != "WordPiece") settings.reject("type", "expected WordPiece, found " + type);
  const auto vocabulary = model->find("vocab");
  if (vocabulary == model->end() || !vocabulary->is_object())
    throw reject("model.vocab", "expected an object");

  std::vector<std::string> tokens;
  for (const auto& [token, id] : vocabulary->items())
    place(tokens, token, id, file_bytes, file.string() + ": model.vocab");
  const auto added = json.find("added_tokens");
  if (added == json.end() || added->is_null()) return tokens;
  if (!added->is_array()) throw reject("added_tokens", "expected a list");
  for (const auto& entry : *added) {
    if (!entry.is_object() || !entry.contains("id") || !entry.contains("content") ||
        !entry["content"].is_string()) {
      throw reject("added_tokens", "expected objects with id and content");
    }
    place(tokens, entry["content"].get<std::string>(), entry["id"], file_bytes,
          file.string() + ": added_tokens");
  }
  return tokens;
}

bool is_space(char32_t c) {
  return c == U' ' || c == U'\t' || c == U'\n' || c == U'\r' ||
         utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ZS;
}

/// Whether BERT drops `c`: control, format, private and unassigned code points.
bool is_dropped(char32_t c) {
  if (c == 0 || c == 0xFFFD) return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CN ||
         category == UTF8PROC_CATEGORY_CS;
}

bool is_punctuation(char32_t c) {
  // BERT treats all ASCII signs as punctuation, also $ and ^.
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126)) {
    return true;
  }
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/// Whether `c` is an ideograph, which is a word of its own.
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/// Appends `c` in lower case without accents.
void append_folded(std::u32string& word, char32_t c) {
  std::array<utf8proc_int32_t, 18> parts{};  // room for the longest decomposition of a code point
  int boundary = 0;
  const auto length =
      utf8proc_decompose_char(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)), parts.data(),
                              static_cast<utf8proc_ssize_t>(parts.size()), UTF8PROC_DECOMPOSE, &boundary);
  for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(length, parts.size()); ++i) {
    const auto part = parts[static_cast<std::size_t>(i)];
    if (utf8proc_category(part) != UTF8PROC_CATEGORY_MN) word.push_back(static_cast<char32_t>(part));
  }
}

std::vector<std::u32string> split_words(std::string_view text) {
  std::vector<std::u32string> words;
  std::u32string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (const char32_t c : decode_utf8(text)) {
    if (is_space(c)) {
      end_word();
    } else if (is_dropped(c)) {
      continue;
    } else if (is_punctuation(c) || is_ideograph(c)) {
      end_word();
      words.push_back({c});
    } else {
      append_folded(word, c);
    }
  }
  end_word();
  return words;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

WordPieceTokenizer WordPieceTokenizer::from_directory(const fs::path& directory) {
  const auto vocabulary = directory / "vocab.txt", json = directory / "tokenizer.json";
  if (fs::exists(vocabulary)) return WordPieceTokenizer(read_lines(vocabulary), vocabulary.string());
  if (fs::exists(json)) return WordPieceTokenizer(read_tokenizer_json(json), json.string());
  throw failure(directory.string() + ": expected vocab.txt or tokenizer.json");
}

WordPieceTokenizer::WordPieceTokenizer(std::vector<std::string> tokens, const std::string& origin)
    : tokens_(std::move(tokens)) {
  ids_.reserve(tokens_.size());
  for (std::size_t id = 0; id < tokens_.size(); ++id) {
    if (tokens_[id].empty()) continue;
    if (std::any_of(tokens_[id].begin(), tokens_[id].end(),
                    [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      throw failure(origin + ": token " + std::to_string(id) + " holds a control character");
    }
    const auto [found, is_new] = ids_.emplace(tokens_[id], static_cast<std::int64_t>(id));
    if (!is_new) {
      throw failure(origin + ": " + quote_text(tokens_[id]) + ": expected once, found as " +
                    std::to_string(found->second) + " and " + std::to_string(id));
    }
  }
  for (const auto control : kControls) {
    const auto found = ids_.find(std::string(control));
    if (found != ids_.end()) controls_.insert(found->second);
  }
  const auto unknown = ids_.find(std::string(kUnknown));
  if (unknown == ids_.end()) throw failure(origin + ": " + std::string(kUnknown) + ": missing");
  unknown_ = unknown->second;
}

std::vector<std::int64_t> WordPieceTokenizer::tokenize(std::string_view text) const {
  std::vector<std::int64_t> ids;
  for (const auto& word : split_words(text)) append_word(word, ids);
  return ids;
}

void WordPieceTokenizer::append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const {
  const auto before = ids.size();
  for (std::size_t at = 0; at < word.size();) {
    auto length = word.size() <= kMaxWordLength ? word.size() - at : 0;
    for (; length > 0; --length) {
      const auto piece = std::string(at > 0 ? kContinuation : "") + encode_utf8(word.substr(at, length));
      const auto found = ids_.find(piece);
      if (found == ids_.end()) continue;
      ids.push_back(found->second);
      break;
    }
    if (length == 0) {
      // One unknown piece makes the whole word unknown.
      ids.resize(before);
      ids.push_back(unknown_);
      return;
    }
    at += length;
  }
}

std::string WordPieceTokenizer::words(const std::vector<std::int64_t>& ids) const {
  std::string text;
  for (const auto id : ids) {
    if (id < 0 || id >= static_cast<std::int64_t>(tokens_.size()) || controls_.count(id)) continue;
    const std::string_view token = tokens_[static_cast<std::size_t>(id)];
    if (token.empty()) continue;
    if (text.empty()) {
      text = token;
    } else if (token.starts_with(kContinuation)) {
      text += token.substr(kContinuation.size());
    } else {
      text += " " + std::string(token);
    }
  }
  return text;
}

std::string WordPieceTokenizer::decode(const std::vector<std::int64_t>& ids) const {
  auto text = words(ids);
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kCleanUp{{{" .", "."},
                                                                                           {" ?", "?"},
                                                                                           {" !", "!"},
                                                                                           {" ,", ","},
                                                                                           {" ' ", "'"},
                                                                                           {" n't", "n't"},
                                                                                           {" 'm", "'m"},
                                                                                           {" 's", "'s"},
                                                                                           {" 've", "'ve"},
                                                                                           {" 're", "'re"}}};
  for (const auto& [from, to] : kCleanUp) replace_all(text, from, to);
  return text;
}

}  // namespace forgedit
