#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace forgedit {

/// A token that is looked for in a text before the text is split into words: one id, whatever BPE would make.
struct ClipSpecialToken {
  std::string text;
  std::int64_t id = 0;
  bool normalized = false;   ///< looked for after normalisation (so in any case of letters), not before
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space after it along
};

/// What a CLIP tokenizer folder says, checked.
struct ClipVocabulary {
  /// One merge as ids.
  struct Merge {
    std::int64_t left, right, merged;
  };
  std::filesystem::path file;       ///< where the vocabulary is from: vocab.json or tokenizer.json
  std::vector<std::string> tokens;  ///< by id; empty where an added token left a gap
  std::unordered_map<std::string, std::int64_t> ids;
  std::vector<Merge> merges;  ///< best first
  ClipSpecialToken start, end, pad, unknown;
  std::vector<ClipSpecialToken> special;  ///< the four above and all added tokens, each text once
  std::unordered_map<std::int64_t, std::filesystem::path> added;  ///< ids that only this file adds
};

/// Whether `directory` holds what read_clip_vocabulary needs: vocab.json and merges.txt, or tokenizer.json.
bool is_clip_tokenizer(const std::filesystem::path& directory);

/// Reads vocab.json and merges.txt, or where one of them is missing tokenizer.json; and, where present, the
/// added tokens and roles of tokenizer_config.json, special_tokens_map.json, added_tokens.json and
/// tokenizer.json. With `pad_token` that token pads, whatever the files say. Throws Error with one line
/// naming file and key.
ClipVocabulary read_clip_vocabulary(const std::filesystem::path& directory,
                                    const std::string& pad_token = {});

}  // namespace forgedit
