#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace forgedit {

/// BERT's uncased tokenizer, as used by BLIP: lower case without accents, split at white space and
/// punctuation, then each word into the longest known pieces, with "##" before all but the first. Immutable
/// after loading, so threads can share it.
class WordPieceTokenizer {
 public:
  /// Reads vocab.txt (one token per line) of `directory`, or tokenizer.json if there is none. Throws Error
  /// with one line naming file and key.
  static WordPieceTokenizer from_directory(const std::filesystem::path& directory);

  /// The token ids of a text, without control tokens around them.
  std::vector<std::int64_t> tokenize(std::string_view text) const;

  /// Returns the words and punctuation marks of the given ids, separated by spaces. Skips control tokens and
  /// unknown ids.
  std::string words(const std::vector<std::int64_t>& ids) const;

  /// Returns the text of the given ids. Skips control tokens and ids that the vocabulary lacks (BERT's own
  /// has no "[DEC]"), and removes spaces before punctuation and around apostrophes as transformers 4 does.
  std::string decode(const std::vector<std::int64_t>& ids) const;

  std::size_t vocab_size() const { return tokens_.size(); }

 private:
  explicit WordPieceTokenizer(std::vector<std::string> tokens, const std::string& origin);
  void append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const;

  std::vector<std::string> tokens_;  // by id; empty for ids without a token
  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_set<std::int64_t> controls_;
  std::int64_t unknown_ = 0;
};

}  // namespace forgedit
