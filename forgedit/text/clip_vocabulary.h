#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace forgedit {

/// A token that is matched before the text is split into words. It becomes one id, whatever BPE would give.
struct ClipSpecialToken {
  std::string text;
  std::int64_t id = 0;
  bool normalized = false;   ///< matched after normalisation (so in any case of letters), not before
  bool single_word = false;  ///< matched only if no word character is next to it
  bool lstrip = false;       ///< removes the white space before it
  bool rstrip = false;       ///< removes the white space after it
};

/// The checked contents of a CLIP tokenizer folder.
struct ClipVocabulary {
  /// One merge as ids of its two pieces and of the result.
  struct Merge {
    std::int64_t left, right, merged;
  };
  std::filesystem::path file;       ///< source of the vocabulary: vocab.json or tokenizer.json
  std::vector<std::string> tokens;  ///< by id; empty for ids that no token has
  std::unordered_map<std::string, std::int64_t> ids;
  std::vector<Merge> merges;  ///< best rank first
  ClipSpecialToken start, end, pad, unknown;
  std::vector<ClipSpecialToken> special;  ///< the four above and all added tokens; each text once
  std::unordered_map<std::int64_t, std::filesystem::path> added;  ///< ids that only this file defines
};

/// Whether `directory` has the files for read_clip_vocabulary: vocab.json and merges.txt, or tokenizer.json.
bool is_clip_tokenizer(const std::filesystem::path& directory);

/// Reads vocab.json and merges.txt, or tokenizer.json if one of them is missing. Also reads the added tokens
/// and roles of tokenizer_config.json, special_tokens_map.json, added_tokens.json and tokenizer.json, if
/// present. `pad_token`, if not empty, is the padding token, whatever the files say. Throws Error with one
/// line naming file and key.
ClipVocabulary read_clip_vocabulary(const std::filesystem::path& directory,
                                    const std::string& pad_token = {});

}  // namespace forgedit
