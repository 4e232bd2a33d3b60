#include "forgedit/text/clip_vocabulary.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "forgedit/core/files.h"
#include "forgedit/text/clip_files.h"
#include "forgedit/text/utf8.h"

namespace forgedit {

namespace fs = std::filesystem;
using nlohmann::json;

Error key_error(const fs::path& file, std::string_view key, const std::string& complaint) {
  return failure(file.string() + ": key " + quote_text(key) + ": " + complaint);
}

json read_tokenizer_object(const fs::path& file, std::size_t max_bytes, int max_depth) {
  const std::string contents = read_file(file, max_bytes);
  std::unordered_set<std::string> seen;
  std::string key;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      key = parsed.get<std::string>();
      if (!seen.insert(key).second) throw key_error(file, key, "expected once, found twice");
    }
    if (event == json::parse_event_t::array_start && depth == 0) {
      throw failure(file.string() + ": expected a JSON object, found array");
    }
    const bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth > max_depth) throw key_error(file, key, "nested too deep");
    return true;
  };
  try {
    json parsed = json::parse(contents, check);
    if (!parsed.is_object()) {
      throw failure(file.string() + ": expected a JSON object, found " + parsed.type_name());
    }
    return parsed;
  } catch (const json::parse_error& error) {
    throw failure(file.string() + ": not valid JSON near byte " + std::to_string(error.byte));
  } catch (const json::exception&) {
    throw failure(file.string() + ": not valid JSON");
  }
}

json read_tokenizer_config(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return json::object();
  return read_tokenizer_object(file, kMaxTokenizerConfigBytes, kMaxTokenizerConfigDepth);
}

void take_tokens(const fs::path& file, const json& vocab, std::size_t limit, ClipVocabulary& vocabulary) {
  vocabulary.ids.reserve(vocab.size());
  for (const auto& [token, value] : vocab.items()) {
    // The parser makes positive numbers unsigned, so this also rejects negative ones.
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= limit) {
      const std::string found = value.is_number() ? value.dump() : std::string("a ") + value.type_name();
      throw key_error(file, token,
                      "expected an id from 0 to " + std::to_string(limit - 1) + " (" +
                          std::to_string(vocab.size()) + " tokens), found " + found);
    }
    if (token.empty()) throw key_error(file, token, "expected a token, found an empty text");
    const auto id = value.get<std::size_t>();
    if (id >= vocabulary.tokens.size()) vocabulary.tokens.resize(id + 1);
    const auto [known, is_new] = vocabulary.ids.emplace(token, static_cast<std::int64_t>(id));
    if (!is_new || !vocabulary.tokens[id].empty()) {
      throw key_error(file, token,
                      "id " + std::to_string(id) + " is also that of " + quote_text(vocabulary.tokens[id]));
    }
    vocabulary.tokens[id] = token;
  }
}

std::pair<std::string, std::string> split_merge(const std::string& where, std::string_view line) {
  const auto space = line.find(' ');
  if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    throw failure(where + "expected two pieces separated by one space, found " + quote_text(line));
  }
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

void take_merge(const std::string& where, const std::string& left, const std::string& right,
                ClipVocabulary& vocabulary) {
  const auto id_of = [&](const std::string& piece) {
    const auto found = vocabulary.ids.find(piece);
    if (found == vocabulary.ids.end()) {
      throw failure(where + quote_text(piece) + " is not in " + vocabulary.file.filename().string());
    }
    return found->second;
  };
  vocabulary.merges.push_back({id_of(left), id_of(right), id_of(left + right)});
}

namespace {

/// `contents` without a first line "#version: ..." and without line ends at the end.
std::string_view merge_lines(std::string_view contents, std::size_t& first_line) {
  if (contents.starts_with("#version")) {
    contents.remove_prefix(std::min(contents.find('\n'), contents.size() - 1) + 1);
    ++first_line;
  }
  const auto last = contents.find_last_not_of("\r\n");
  return last == std::string_view::npos ? std::string_view() : contents.substr(0, last + 1);
}

void read_merges(const fs::path& file, ClipVocabulary& vocabulary) {
  const std::string contents = read_file(file, kMaxVocabularyBytes);
  std::size_t number = 1;
  std::string_view rest = merge_lines(contents, number);
  for (; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto where = file.string() + ": line " + std::to_string(number) + ": ";
    const auto [left, right] = split_merge(where, line);
    take_merge(where, left, right, vocabulary);
  }
}

}  // namespace

bool is_clip_tokenizer(const fs::path& directory) {
  std::error_code ignored;
  const auto has = [&](const char* name) { return fs::exists(directory / name, ignored); };
  return (has("vocab.json") && has("merges.txt")) || has("tokenizer.json");
}

ClipVocabulary read_clip_vocabulary(const fs::path& directory, const std::string& pad_token) {
  ClipVocabulary vocabulary;
  std::error_code ignored;
  const auto has = [&](const char* name) { return fs::exists(directory / name, ignored); };
  const auto whole = directory / "tokenizer.json";
  const bool both = has("vocab.json") && has("merges.txt"), has_whole = has("tokenizer.json");
  const auto tokenizer = has_whole
                             ? read_tokenizer_object(whole, kMaxVocabularyBytes, kMaxTokenizerConfigDepth)
                             : json::object();
  if (both || !has_whole) {
    vocabulary.file = directory / "vocab.json";
    const auto vocab = read_tokenizer_object(vocabulary.file, kMaxVocabularyBytes, 0);
    take_tokens(vocabulary.file, vocab, vocab.size(), vocabulary);
    take_special_tokens(directory, tokenizer, pad_token, vocabulary);
    read_merges(directory / "merges.txt", vocabulary);
  } else {
    vocabulary.file = whole;
    take_tokenizer_json(whole, tokenizer, vocabulary);
    take_special_tokens(directory, tokenizer, pad_token, vocabulary);
  }
  return vocabulary;
}

}  // namespace forgedit
