#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit::miniature {

/// Writes `directory`/vocab.txt for BERT's tokenizer: [PAD], [UNK], [DEC], [SEP], then every word and every
/// punctuation mark of `texts`, the most frequent first. Texts are ASCII.
void write_word_vocabulary(const std::vector<std::string>& texts, const std::filesystem::path& directory);

}  // namespace forgedit::miniature
