#include "tools/miniature/word_vocabulary.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "forgedit/core/files.h"

namespace forgedit::miniature {

void write_word_vocabulary(const std::vector<std::string>& texts, const std::filesystem::path& directory) {
  std::map<std::string, std::size_t> counts;
  for (const auto& text : texts) {
    std::string word;
    for (const unsigned char letter : text + " ") {
      if (std::isalnum(letter)) {
        word += static_cast<char>(std::tolower(letter));
        continue;
      }
      if (!word.empty()) ++counts[word];
      word.clear();
      if (std::ispunct(letter)) ++counts[std::string(1, static_cast<char>(letter))];
    }
  }
  std::vector<std::pair<std::string, std::size_t>> words(counts.begin(), counts.end());
  std::stable_sort(words.begin(), words.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string lines = "[PAD]\n[UNK]\n[DEC]\n[SEP]\n";
  for (const auto& [word, count] : words) lines += word + "\n";
  make_directory(directory);
  write_file_atomically(directory / "vocab.txt", lines);
}

}  // namespace forgedit::miniature
