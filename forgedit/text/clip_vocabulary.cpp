#include "forgedit/text/clip_vocabulary.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/text/clip_pretokenize.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxVocabularyBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
constexpr int kMaxConfigDepth = 16;

Error key_error(const fs::path& file, std::string_view key, const std::string& complaint) {
  return failure(file.string() + ": key " + quote_text(key) + ": " + complaint);
}

/// A JSON object whose top-level keys are unique and whose values nest at most `max_depth` deep (0: scalars).
json read_object(const fs::path& file, std::size_t max_bytes, int max_depth) {
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

void read_tokens(const fs::path& file, ClipVocabulary& vocabulary) {
  const json object = read_object(file, kMaxVocabularyBytes, 0);
  const std::size_t count = object.size();
  vocabulary.tokens.resize(count);
  vocabulary.ids.reserve(count);
  std::vector<bool> taken(count, false);
  for (const auto& [token, value] : object.items()) {
    // A positive number is unsigned to the parser, so this also refuses negative ones.
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= count) {
      const std::string found = value.is_number() ? value.dump() : std::string("a ") + value.type_name();
      throw key_error(file, token,
                      "expected an id from 0 to " + std::to_string(count - 1) + " (" + std::to_string(count) +
                          " tokens), found " + found);
    }
    const auto id = value.get<std::size_t>();
    if (taken[id]) {
      throw key_error(file, token,
                      "id " + std::to_string(id) + " is also that of " + quote_text(vocabulary.tokens[id]));
    }
    taken[id] = true;
    vocabulary.tokens[id] = token;
    vocabulary.ids.emplace(token, static_cast<std::int64_t>(id));
  }
}

/// `contents` without the first line, when that is "#version: ...", and without line ends at its end.
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

    const auto where = [&] { return file.string() + ": line " + std::to_string(number) + ": "; };
    const auto space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos) {
      throw failure(where() + "expected two pieces separated by one space, found " + quote_text(line));
    }
    const auto id_of = [&](const std::string& piece) {
      const auto found = vocabulary.ids.find(piece);
      if (found == vocabulary.ids.end()) throw failure(where() + quote_text(piece) + " is not in vocab.json");
      return found->second;
    };
    const std::string left(line.substr(0, space));
    const std::string right(line.substr(space + 1));
    vocabulary.merges.push_back({id_of(left), id_of(right), id_of(left + right)});
  }
}

/// A token under `key`, written as a string or as an object with "content"; none when absent or null.
std::optional<ClipSpecialToken> special_token(const json& object, const char* key, const fs::path& file) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return ClipSpecialToken{found->get<std::string>()};
  if (found->is_object()) {
    const auto content = found->find("content");
    const auto normalized = found->find("normalized");
    if (content != found->end() && content->is_string() &&
        (normalized == found->end() || normalized->is_boolean())) {
      return ClipSpecialToken{content->get<std::string>(), 0,
                              normalized == found->end() || normalized->get<bool>()};
    }
  }
  throw key_error(file, key, "expected a token as text or as an object with \"content\"");
}

void read_special_tokens(const fs::path& directory, ClipVocabulary& vocabulary) {
  const fs::path config_file = directory / "tokenizer_config.json";
  const fs::path map_file = directory / "special_tokens_map.json";
  const auto read_if_present = [](const fs::path& file) {
    std::error_code ignored;
    return fs::exists(file, ignored) ? read_object(file, kMaxConfigBytes, kMaxConfigDepth) : json::object();
  };
  const json config = read_if_present(config_file);
  const json map = read_if_present(map_file);

  // Newer folders list every added token here, and the separate map no longer counts.
  const auto listed = config.find("added_tokens_decoder");
  const bool newer = listed != config.end();
  if (newer && !listed->is_object()) {
    throw key_error(config_file, "added_tokens_decoder",
                    std::string("expected an object, found ") + listed->type_name());
  }

  const auto role = [&](const char* key, std::string_view fallback) {
    std::optional<ClipSpecialToken> token = special_token(config, key, config_file);
    fs::path named_by = config_file;
    if (auto mapped = special_token(map, key, map_file); mapped && !(newer && token)) {
      token = std::move(mapped);
      named_by = map_file;
    }
    if (!token) token = ClipSpecialToken{std::string(fallback)};
    if (newer) {
      for (const auto& [id, entry] : listed->items()) {
        const auto added = special_token(*listed, id.c_str(), config_file);
        if (added && added->text == token->text) token->normalized = added->normalized;
      }
    }
    const auto found = vocabulary.ids.find(token->text);
    if (token->text.empty() || found == vocabulary.ids.end()) {
      if (token->text == fallback) {
        throw key_error(directory / "vocab.json", fallback, std::string("missing (needed as ") + key + ")");
      }
      throw key_error(named_by, key, quote_text(token->text) + " is not in vocab.json");
    }
    token->id = found->second;
    return *token;
  };
  vocabulary.start = role("bos_token", kClipStartToken);
  vocabulary.end = role("eos_token", kClipEndToken);
  vocabulary.pad = role("pad_token", kClipEndToken);
  vocabulary.unknown = role("unk_token", kClipEndToken);
}

}  // namespace

ClipVocabulary read_clip_vocabulary(const fs::path& directory) {
  ClipVocabulary vocabulary;
  read_tokens(directory / "vocab.json", vocabulary);
  read_special_tokens(directory, vocabulary);
  read_merges(directory / "merges.txt", vocabulary);
  return vocabulary;
}

}  // namespace forgedit
