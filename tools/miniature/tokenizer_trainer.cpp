#include "tools/miniature/tokenizer_trainer.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/text/clip_pretokenize.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

using nlohmann::ordered_json;
using Pair = std::pair<std::size_t, std::size_t>;  // left and right token, by id

constexpr std::size_t kByteTokens = 512;  // 256 bytes within a word, 256 at its end
constexpr std::size_t kControlTokens = 2;

/// A distinct word of the texts, as it is merged so far.
struct Word {
  std::vector<std::size_t> pieces;
  std::size_t count = 0;
};

/// Where a pair occurs. Words that have lost it meanwhile may linger in `words`.
struct Occurrences {
  std::size_t count = 0;
  std::set<std::size_t> words;
};

class Trainer {
 public:
  explicit Trainer(const std::vector<std::string>& texts) {
    add_byte_tokens();
    count_words(texts);
    for (std::size_t word = 0; word < words_.size(); ++word) {
      for (const Pair& pair : add_pairs(word)) offer(pair);
    }
  }

  void learn(std::size_t vocab_size) {
    while (tokens_.size() + kControlTokens < vocab_size && !queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      if (occurrences_[best.pair].count == best.count) merge(best.pair);  // else the entry is out of date
    }
  }

  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<Pair>& merges() const { return merges_; }

 private:
  struct Candidate {
    std::size_t count;
    Pair pair;
    const std::vector<std::string>* tokens;
    /// The greatest is merged first.
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      const auto& names = *tokens;
      if (pair.first != other.pair.first) return names[pair.first] > names[other.pair.first];
      return names[pair.second] > names[other.pair.second];
    }
  };

  void add_byte_tokens() {
    const auto& symbols = clip_byte_symbols();
    for (const std::string_view suffix : {std::string_view(), kClipWordEnd}) {
      for (const unsigned char byte : clip_byte_order()) {
        auto& ids = suffix.empty() ? byte_ids_ : last_byte_ids_;
        ids[byte] = token_id(symbols[byte] + std::string(suffix));
      }
    }
  }

  void count_words(const std::vector<std::string>& texts) {
    std::map<std::string, std::size_t> counts;
    for (const std::string& text : texts) {
      for (const std::string& word : clip_split(clip_normalize(decode_utf8(text)))) ++counts[word];
    }
    for (const auto& [text, count] : counts) {
      Word word{{}, count};
      for (const char byte : text) word.pieces.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
      word.pieces.back() = last_byte_ids_[static_cast<unsigned char>(text.back())];
      words_.push_back(std::move(word));
    }
  }

  /// Two ways of merging can end in the same token; it keeps its first id.
  std::size_t token_id(const std::string& token) {
    const auto [entry, is_new] = ids_.emplace(token, tokens_.size());
    if (is_new) tokens_.push_back(token);
    return entry->second;
  }

  std::set<Pair> add_pairs(std::size_t index) {
    const Word& word = words_[index];
    std::set<Pair> pairs;
    for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      const Pair pair{word.pieces[i], word.pieces[i + 1]};
      Occurrences& found = occurrences_[pair];
      found.count += word.count;
      found.words.insert(index);
      pairs.insert(pair);
    }
    return pairs;
  }

  std::set<Pair> remove_pairs(std::size_t index) {
    const Word& word = words_[index];
    std::set<Pair> pairs;
    for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      const Pair pair{word.pieces[i], word.pieces[i + 1]};
      occurrences_[pair].count -= word.count;
      pairs.insert(pair);
    }
    return pairs;
  }

  void offer(const Pair& pair) {
    const std::size_t count = occurrences_[pair].count;
    if (count > 0) queue_.push({count, pair, &tokens_});
  }

  void merge(const Pair& pair) {
    const std::size_t merged = token_id(tokens_[pair.first] + tokens_[pair.second]);
    merges_.push_back(pair);
    std::set<Pair> changed;
    const std::set<std::size_t> affected = std::move(occurrences_[pair].words);
    for (const std::size_t index : affected) {
      changed.merge(remove_pairs(index));
      std::vector<std::size_t>& pieces = words_[index].pieces;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const bool here = i + 1 < pieces.size() && pieces[i] == pair.first && pieces[i + 1] == pair.second;
        pieces[kept++] = here ? merged : pieces[i];
        if (here) ++i;
      }
      pieces.resize(kept);
      changed.merge(add_pairs(index));
    }
    for (const Pair& each : changed) offer(each);
  }

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::size_t> ids_;
  std::array<std::size_t, 256> byte_ids_{};
  std::array<std::size_t, 256> last_byte_ids_{};
  std::vector<Word> words_;
  std::map<Pair, Occurrences> occurrences_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> merges_;
};

}  // namespace

void train_clip_tokenizer(const std::vector<std::string>& texts, std::size_t vocab_size,
                          const std::filesystem::path& directory) {
  if (vocab_size < kByteTokens + kControlTokens) {
    throw usage_error("tokenizer: expected a vocabulary of at least " +
                      std::to_string(kByteTokens + kControlTokens) + " tokens, got " +
                      std::to_string(vocab_size));
  }
  Trainer trainer(texts);
  trainer.learn(vocab_size);

  // Written by hand: in id order, as CLIP's own file is, which nlohmann's ordered object makes quadratic.
  std::string vocabulary = "{";
  std::size_t id = 0;
  const auto add = [&](std::string_view token) {
    vocabulary += (id == 0 ? "" : ", ") + ordered_json(token).dump() + ": " + std::to_string(id);
    ++id;
  };
  for (const std::string& token : trainer.tokens()) add(token);
  add(kClipStartToken);
  add(kClipEndToken);
  vocabulary += "}";

  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : trainer.merges()) {
    merges += trainer.tokens()[left] + " " + trainer.tokens()[right] + "\n";
  }

  const ordered_json special = {{"bos_token", kClipStartToken},
                                {"eos_token", kClipEndToken},
                                {"unk_token", kClipEndToken},
                                {"pad_token", kClipEndToken}};
  ordered_json config = {{"tokenizer_class", "CLIPTokenizer"},
                         {"model_max_length", 77},
                         {"do_lower_case", true},
                         {"errors", "replace"},
                         {"add_prefix_space", false}};
  config.update(special);

  make_directory(directory);
  write_file_atomically(directory / "vocab.json", vocabulary);
  write_file_atomically(directory / "merges.txt", merges);
  write_file_atomically(directory / "tokenizer_config.json", config.dump(2) + "\n");
  write_file_atomically(directory / "special_tokens_map.json", special.dump(2) + "\n");
}

}  // namespace forgedit
