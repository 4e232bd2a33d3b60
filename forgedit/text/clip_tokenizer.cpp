#include "forgedit/text/clip_tokenizer.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/text/clip_pretokenize.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint64_t>(right);
}

/// Maps the code points that represent bytes back to the bytes.
const std::unordered_map<char32_t, char>& symbol_bytes() {
  static const std::unordered_map<char32_t, char> bytes = [] {
    std::unordered_map<char32_t, char> out;
    const auto& symbols = clip_byte_symbols();
    for (std::size_t byte = 0; byte < symbols.size(); ++byte) {
      out.emplace(decode_utf8(symbols[byte]).front(), static_cast<char>(byte));
    }
    return out;
  }();
  return bytes;
}

}  // namespace

ClipTokenizer::ClipTokenizer(ClipVocabulary vocabulary)
    : file_(std::move(vocabulary.file)),
      tokens_(std::move(vocabulary.tokens)),
      added_(std::move(vocabulary.added)),
      start_id_(vocabulary.start.id),
      end_id_(vocabulary.end.id),
      pad_id_(vocabulary.pad.id) {
  const auto id_or_unknown = [&](const std::string& piece) {
    const auto found = vocabulary.ids.find(piece);
    return found == vocabulary.ids.end() ? vocabulary.unknown.id : found->second;
  };
  const auto& symbols = clip_byte_symbols();
  for (std::size_t byte = 0; byte < symbols.size(); ++byte) {
    byte_ids_[byte] = id_or_unknown(symbols[byte]);
    last_byte_ids_[byte] = id_or_unknown(symbols[byte] + std::string(kClipWordEnd));
  }
  merges_.reserve(vocabulary.merges.size());
  for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const auto& merge = vocabulary.merges[rank];
    merges_[pair_key(merge.left, merge.right)] = {rank, merge.merged};
  }
  for (const auto& token : vocabulary.special) {
    std::u32string text = decode_utf8(token.text);
    if (token.normalized) text = clip_normalize(text);
    if (text.empty()) continue;
    auto& controls = token.normalized ? normalized_controls_ : raw_controls_;
    controls.first.insert(text.front());
    controls.all.push_back({std::move(text), token});
  }
}

ClipTokenizer ClipTokenizer::from_directory(const std::filesystem::path& directory,
                                            const std::string& pad_token) {
  return ClipTokenizer(read_clip_vocabulary(directory, pad_token));
}

ClipTokenizer::Encoding ClipTokenizer::encode(std::string_view text, std::size_t max_length) const {
  if (max_length < 2) {
    throw usage_error("tokenizer: expected a length of at least 2 (start and end), got " +
                      std::to_string(max_length));
  }
  std::vector<std::int64_t> tokens = tokenize(text);
  Encoding out;
  out.token_count = tokens.size();
  const auto kept = tokens.begin() + static_cast<std::ptrdiff_t>(std::min(tokens.size(), max_length - 2));
  out.dropped = decode({kept, tokens.end()});

  out.ids.reserve(max_length);
  out.ids.push_back(start_id_);
  out.ids.insert(out.ids.end(), tokens.begin(), kept);
  out.ids.push_back(end_id_);
  out.ids.resize(max_length, pad_id_);
  return out;
}

std::vector<std::int64_t> ClipTokenizer::tokenize(std::string_view text) const {
  std::vector<std::int64_t> ids;
  const auto on_control = [&](std::int64_t id) { ids.push_back(id); };
  const auto on_normalized = [&](std::u32string_view part) {
    for (const std::string& word : clip_split(part)) append_word(word, ids);
  };
  const auto on_raw = [&](std::u32string_view part) {
    split_at_controls(clip_normalize(part), normalized_controls_, on_normalized, on_control);
  };
  split_at_controls(decode_utf8(text), raw_controls_, on_raw, on_control);
  return ids;
}

std::string ClipTokenizer::decode(const std::vector<std::int64_t>& ids) const {
  std::string bytes;
  for (const std::int64_t id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= tokens_.size()) {
      throw usage_error("tokenizer: expected ids from 0 to " + std::to_string(tokens_.size() - 1) + ", got " +
                        std::to_string(id));
    }
    std::string_view token = tokens_[static_cast<std::size_t>(id)];
    if (added_.contains(id)) {
      bytes.append(token).push_back(' ');
      continue;
    }
    const bool ends_word = token.ends_with(kClipWordEnd) || id == start_id_ || id == end_id_;
    if (token.ends_with(kClipWordEnd)) token.remove_suffix(kClipWordEnd.size());
    for (const char32_t symbol : decode_utf8(token)) {
      const auto byte = symbol_bytes().find(symbol);
      if (byte != symbol_bytes().end()) {
        bytes.push_back(byte->second);
      } else {
        append_utf8(bytes, symbol);
      }
    }
    if (ends_word) bytes.push_back(' ');
  }
  if (bytes.ends_with(' ')) bytes.pop_back();
  return encode_utf8(decode_utf8(bytes));
}

const ClipTokenizer::Merge* ClipTokenizer::find_merge(std::int64_t left, std::int64_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

// Merges the pair with the best rank, the leftmost first. A queue keeps this at n log n, so that a megabyte
// without a space is no denial of service.
void ClipTokenizer::append_word(std::string_view word, std::vector<std::int64_t>& ids) const {
  constexpr auto kNone = static_cast<std::size_t>(-1);
  struct Piece {
    std::int64_t id;
    std::size_t previous, next;
    bool alive = true;
  };
  struct Candidate {
    std::size_t rank, left;
    std::int64_t merged;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };

  std::vector<Piece> pieces;
  pieces.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    const bool last = i + 1 == word.size();
    pieces.push_back(
        {last ? last_byte_ids_[byte] : byte_ids_[byte], i == 0 ? kNone : i - 1, last ? kNone : i + 1});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::size_t left) {
    if (left == kNone || pieces[left].next == kNone) return;
    const Merge* merge = find_merge(pieces[left].id, pieces[pieces[left].next].id);
    if (merge != nullptr) queue.push({merge->rank, left, merge->merged});
  };
  for (std::size_t i = 0; i + 1 < pieces.size(); ++i) offer(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Piece& left = pieces[best.left];
    if (!left.alive || left.next == kNone) continue;
    Piece& right = pieces[left.next];
    const Merge* merge = find_merge(left.id, right.id);
    if (merge == nullptr || merge->merged != best.merged) continue;  // a neighbour has been merged since

    left.id = best.merged;
    right.alive = false;
    left.next = right.next;
    if (left.next != kNone) pieces[left.next].previous = best.left;
    offer(left.previous);
    offer(best.left);
  }
  for (const Piece& piece : pieces) {
    if (piece.alive) ids.push_back(piece.id);
  }
}

void ClipTokenizer::require_rows(std::int64_t rows, const std::string& network) const {
  for (auto id = static_cast<std::size_t>(std::max<std::int64_t>(rows, 0)); id < tokens_.size(); ++id) {
    if (tokens_[id].empty()) continue;
    const auto added = added_.find(static_cast<std::int64_t>(id));
    throw failure((added == added_.end() ? file_ : added->second).string() + ": " + quote_text(tokens_[id]) +
                  ": id " + std::to_string(id) + ", but the " + network + " has " + std::to_string(rows) +
                  " token embeddings");
  }
}

const ClipTokenizer::Control* ClipTokenizer::Controls::match(std::u32string_view text) const {
  if (!first.contains(text.front())) return nullptr;
  const Control* longest = nullptr;
  for (const Control& control : all) {
    const bool longer = longest == nullptr || control.text.size() > longest->text.size();
    if (longer && text.starts_with(control.text)) longest = &control;
  }
  return longest;
}

template <class OnText, class OnControl>
void ClipTokenizer::split_at_controls(std::u32string_view text, const Controls& controls,
                                      const OnText& on_text, const OnControl& on_control) {
  std::size_t begin = 0;  // after the last control token and the white space that it removes
  for (std::size_t at = 0; at < text.size();) {
    const Control* match = controls.match(text.substr(at));
    if (match == nullptr) {
      ++at;
      continue;
    }
    auto start = at, stop = at + match->text.size();
    at = stop;
    const auto& token = match->token;
    const bool touched =
        (start > 0 && clip_is_word(text[start - 1])) || (stop < text.size() && clip_is_word(text[stop]));
    if (token.single_word && touched) continue;
    while (token.lstrip && start > begin && clip_is_space(text[start - 1])) --start;
    while (token.rstrip && stop < text.size() && clip_is_space(text[stop])) ++stop;
    if (start > begin) on_text(text.substr(begin, start - begin));
    on_control(token.id);
    begin = stop;
  }
  if (begin < text.size()) on_text(text.substr(begin));
}

}  // namespace forgedit
