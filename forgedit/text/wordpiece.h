#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace forgedit {

/// BERT's uncased tokenizer, as BLIP has it: lower case without accents, split at white space and
/// punctuation, each word as its longest known pieces, all but the first with "##" in front.
/// Never changes after loading, so that threads may share one.
class WordPieceTokenizer {
 public:
  /// Reads vocab.txt (a token a line) or, where there is none, tokenizer.json of `directory`. Throws Error
  /// with one line naming file and key.
  static WordPieceTokenizer from_directory(const std::filesystem::path& directory);

  /// Token ids, without control tokens around them.
  std::vector<std::int64_t> tokenize(std::string_view text) const;

  /// The words and signs that ids stand for, with a blank between any two, without control tokens and ids
  /// that the vocabulary lacks.
  std::string words(const std::vector<std::int64_t>& ids) const;

  /// The text that ids stand for, without control tokens and ids that the vocabulary lacks (BERT's own has no
  /// "[DEC]"), spaces before punctuation and around apostrophes cleaned up as transformers 4 does.
  std::string decode(const std::vector<std::int64_t>& ids) const;

  std::size_t vocab_size() const { return tokens_.size(); }

 private:
  explicit WordPieceTokenizer(std::vector<std::string> tokens, const std::string& origin);
  void append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const;

  std::vector<std::string> tokens_;  // by id; empty where the file names no token
  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_set<std::int64_t> controls_;
  std::int64_t unknown_ = 0;
};

}  // namespace forgedit
