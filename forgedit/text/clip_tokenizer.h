#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "forgedit/text/clip_vocabulary.h"

namespace forgedit {

/// CLIP's byte-level BPE, equal to the fast (Rust) tokenizer of transformers: NFC, collapsed white space,
/// lower case, split by CLIP's pattern, bytes mapped to printable characters, merges with "</w>" on a word's
/// last piece. `<|startoftext|>`, `<|endoftext|>` and all added tokens inside a text are one token each.
/// Immutable after loading, so threads can share it.
class ClipTokenizer {
 public:
  /// The ids of a text, in a fixed number.
  struct Encoding {
    std::vector<std::int64_t> ids;  ///< exactly `max_length` ids: start, tokens, end, padding
    std::size_t token_count = 0;    ///< number of tokens of the whole text, without start and end
    std::string dropped;            ///< the part of the text that was truncated; empty if everything fits
  };

  /// Reads a folder as read_clip_vocabulary does. Throws Error naming file and key for damaged files.
  static ClipTokenizer from_directory(const std::filesystem::path& directory,
                                      const std::string& pad_token = {});

  Encoding encode(std::string_view text, std::size_t max_length = 77) const;
  /// The token ids of a text, without start, end and padding.
  std::vector<std::int64_t> tokenize(std::string_view text) const;
  /// The text of the given ids: lower case, one space between words, U+FFFD for incomplete characters.
  std::string decode(const std::vector<std::int64_t>& ids) const;

  std::int64_t start_id() const { return start_id_; }
  std::int64_t end_id() const { return end_id_; }
  std::int64_t pad_id() const { return pad_id_; }
  std::size_t vocab_size() const { return tokens_.size(); }
  /// Throws a failure that names file and token if an id has no row in the embedding table of `network`,
  /// which has `rows` rows.
  void require_rows(std::int64_t rows, const std::string& network) const;

 private:
  struct Control {
    std::u32string text;
    ClipSpecialToken token;
  };
  /// Control tokens, and all characters that one of them begins with.
  struct Controls {
    std::vector<Control> all;
    std::unordered_set<char32_t> first;
    /// The longest control token that `text` begins with; null if there is none.
    const Control* match(std::u32string_view text) const;
  };
  struct Merge {
    std::size_t rank;
    std::int64_t merged;
  };

  explicit ClipTokenizer(ClipVocabulary vocabulary);

  const Merge* find_merge(std::int64_t left, std::int64_t right) const;
  void append_word(std::string_view word, std::vector<std::int64_t>& ids) const;
  /// Calls `on_text` and `on_control` for the parts of `text` in order, preferring the longest control token.
  template <class OnText, class OnControl>
  static void split_at_controls(std::u32string_view text, const Controls& controls, const OnText& on_text,
                                const OnControl& on_control);

  std::filesystem::path file_;                                     // with the vocabulary
  std::vector<std::string> tokens_;                                // by id
  std::unordered_map<std::int64_t, std::filesystem::path> added_;  // ids that the vocabulary lacks
  std::unordered_map<std::uint64_t, Merge> merges_;                // by left id << 32 | right id
  std::array<std::int64_t, 256> byte_ids_{};                       // bytes within a word
  std::array<std::int64_t, 256> last_byte_ids_{};                  // the last byte of a word
  Controls raw_controls_;                                          // matched in the original text
  Controls normalized_controls_;                                   // matched after normalisation
  std::int64_t start_id_ = 0;
  std::int64_t end_id_ = 0;
  std::int64_t pad_id_ = 0;
};

}  // namespace forgedit
