#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace forgedit {

/// A token with a role of its own, which is also recognised inside a text.
struct ClipSpecialToken {
  std::string text;
  std::int64_t id = 0;
  bool normalized = false;  ///< looked for after normalisation (so in any case of letters), not before
};

/// What a CLIP tokenizer folder says, checked.
struct ClipVocabulary {
  /// One line of merges.txt as ids.
  struct Merge {
    std::int64_t left, right, merged;
  };
  std::vector<std::string> tokens;  ///< by id
  std::unordered_map<std::string, std::int64_t> ids;
  std::vector<Merge> merges;  ///< best first
  ClipSpecialToken start, end, pad, unknown;
};

/// Reads vocab.json, merges.txt and, where present, tokenizer_config.json and special_tokens_map.json.
/// Throws Error with one line naming file and key.
ClipVocabulary read_clip_vocabulary(const std::filesystem::path& directory);

}  // namespace forgedit
