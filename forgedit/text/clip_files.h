#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/error.h"
#include "forgedit/text/clip_vocabulary.h"

// How the files of a CLIP tokenizer are read; for the sources beside this header only.

namespace forgedit {

inline constexpr std::size_t kMaxVocabularyBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxTokenizerConfigBytes = std::size_t{16} << 20;
inline constexpr int kMaxTokenizerConfigDepth = 16;
/// Above every published vocabulary, so that one id cannot ask for gigabytes.
inline constexpr std::size_t kMaxTokens = std::size_t{1} << 20;

Error key_error(const std::filesystem::path& file, std::string_view key, const std::string& complaint);

/// A JSON object whose top-level keys are unique and whose values nest at most `max_depth` deep (0: scalars).
nlohmann::json read_tokenizer_object(const std::filesystem::path& file, std::size_t max_bytes, int max_depth);

/// The same, or an empty object where there is no such file.
nlohmann::json read_tokenizer_config(const std::filesystem::path& file);

/// Fills `tokens` and `ids` from a map of tokens to ids; ids must be under `limit`.
void take_tokens(const std::filesystem::path& file, const nlohmann::json& vocab, std::size_t limit,
                 ClipVocabulary& vocabulary);

/// Appends one merge; `where` is the prefix of errors.
void take_merge(const std::string& where, const std::string& left, const std::string& right,
                ClipVocabulary& vocabulary);

/// "left right" as two pieces; an Error that begins with `where` for anything else.
std::pair<std::string, std::string> split_merge(const std::string& where, std::string_view line);

/// Vocabulary and merges of a tokenizer.json. Whatever else in it would give other ids than CLIP's rules is
/// an Error that names file and key.
void take_tokenizer_json(const std::filesystem::path& file, const nlohmann::json& tokenizer,
                         ClipVocabulary& vocabulary);

/// Roles, and all tokens that are looked for in texts, from every file of the folder that names some.
/// `tokenizer`: the contents of tokenizer.json; empty where there is none. `pad_token`: what pads, where that
/// is not the folder's to say.
void take_special_tokens(const std::filesystem::path& directory, const nlohmann::json& tokenizer,
                         const std::string& pad_token, ClipVocabulary& vocabulary);

}  // namespace forgedit
