#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// Learns a CLIP vocabulary of at most `vocab_size` tokens from `texts` and writes the four files that
/// transformers' CLIPTokenizer reads into `directory` (made if missing). The most frequent pair is merged
/// first, the lexicographically smaller one among equals, so the same texts always give the same files. When
/// no pair is left the vocabulary stays smaller. Throws a usage Error when not even the single bytes fit.
void train_clip_tokenizer(const std::vector<std::string>& texts, std::size_t vocab_size,
                          const std::filesystem::path& directory);

}  // namespace forgedit
