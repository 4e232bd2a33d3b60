#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/error.h"
#include "forgedit/text/clip_vocabulary.h"

// Functions that read the files of a CLIP tokenizer. Only the sources beside this header use them.

namespace forgedit {

inline constexpr std::size_t kMaxVocabularyBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxTokenizerConfigBytes = std::size_t{16} << 20;
inline constexpr int kMaxTokenizerConfigDepth = 16;
/// Larger than every published vocabulary. Without a limit, one id could ask for gigabytes.
inline constexpr std::size_t kMaxTokens = std::size_t{1} << 20;

Error key_error(const std::filesystem::path& file, std::string_view key, const std::string& complaint);

/// Reads a JSON object with unique top-level keys, whose values nest at most `max_depth` deep (0: scalars).
nlohmann::json read_tokenizer_object(const std::filesystem::path& file, std::size_t max_bytes, int max_depth);

/// Reads the configuration in the same way; returns an empty object if the file does not exist.
nlohmann::json read_tokenizer_config(const std::filesystem::path& file);

/// Fills `tokens` and `ids` from a map of tokens to ids. Ids must be less than `limit`.
void take_tokens(const std::filesystem::path& file, const nlohmann::json& vocab, std::size_t limit,
                 ClipVocabulary& vocabulary);

/// Appends one merge. Throws an Error that begins with `where` if a piece or the result is not in the
/// vocabulary.
void take_merge(const std::string& where, const std::string& left, const std::string& right,
                ClipVocabulary& vocabulary);

/// Splits "left right" into its two pieces. Throws an Error that begins with `where` for any other text.
std::pair<std::string, std::string> split_merge(const std::string& where, std::string_view line);

/// Reads vocabulary and merges of a tokenizer.json. Throws Error naming file and key for any setting that
/// would give other ids than CLIP's rules.
void take_tokenizer_json(const std::filesystem::path& file, const nlohmann::json& tokenizer,
                         ClipVocabulary& vocabulary);

/// Reads roles, and all tokens that are matched in texts before BPE, from the files of the folder.
/// `tokenizer` is the contents of tokenizer.json, or empty if there is none. A `pad_token` that is not empty
/// is the padding token.
void take_special_tokens(const std::filesystem::path& directory, const nlohmann::json& tokenizer,
                         const std::string& pad_token, ClipVocabulary& vocabulary);

}  // namespace forgedit
