#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "forgedit/text/clip_files.h"
#include "forgedit/text/clip_pretokenize.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A token as one of the folder's files describes it.
struct Entry {
  ClipSpecialToken token;
  fs::path file;
  std::string key;
  bool has_id = false;
};

/// Reads a token, written as a text or as an object with "content"; nullopt for null.
std::optional<ClipSpecialToken> token_of(const json& value, const std::string& key, const fs::path& file) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return ClipSpecialToken{value.get<std::string>()};
  const auto flag = [&](const char* name, bool fallback) {
    const auto found = value.find(name);
    if (found == value.end()) return fallback;
    if (!found->is_boolean()) throw key_error(file, key, std::string(name) + ": expected true or false");
    return found->get<bool>();
  };
  if (value.is_object()) {
    const auto content = value.find("content");
    if (content != value.end() && content->is_string()) {
      return ClipSpecialToken{content->get<std::string>(), 0,
                              flag("normalized", true),    flag("single_word", false),
                              flag("lstrip", false),       flag("rstrip", false)};
    }
  }
  throw key_error(file, key, "expected a token as text or as an object with \"content\"");
}

std::optional<ClipSpecialToken> token_under(const json& object, const char* key, const fs::path& file) {
  const auto found = object.find(key);
  return found == object.end() ? std::nullopt : token_of(*found, key, file);
}

/// Collects tokens, and assigns ids to those that the vocabulary lacks.
class SpecialTokens {
 public:
  SpecialTokens(const fs::path& directory, const std::string& pad_token, ClipVocabulary& vocabulary)
      : pad_token_(pad_token),
        config_file_(directory / "tokenizer_config.json"),
        map_file_(directory / "special_tokens_map.json"),
        added_file_(directory / "added_tokens.json"),
        whole_file_(directory / "tokenizer.json"),
        vocabulary_(vocabulary),
        config_(read_tokenizer_config(config_file_)),
        map_(read_tokenizer_config(map_file_)) {}

  void take(const json& tokenizer) {
    const bool whole_decides = vocabulary_.file == whole_file_;
    if (whole_decides) take_list(tokenizer);
    take_decoder();
    if (!whole_decides) take_list(tokenizer);
    const auto flags_known = entries_.size();
    take_added_file();
    for (auto& entry : entries_) {
      if (entry.has_id) place(entry);
    }
    take_roles();
    if (whole_decides) take_unknown(tokenizer);
    const auto named = take_named_lists();
    // Older folders give no flags: tokens with a role match as written, others in any case.
    for (auto i = flags_known; i < entries_.size() && entries_[i].has_id; ++i) {
      auto& token = entries_[i].token;
      token.normalized = !is_role(token.text) && !named.contains(token.text);
    }
    finish();
  }

 private:
  bool newer() const { return config_.contains("added_tokens_decoder"); }

  bool is_role(const std::string& text) const {
    const auto& v = vocabulary_;
    const auto roles = {&v.start, &v.end, &v.unknown, &v.pad};
    return std::any_of(roles.begin(), roles.end(), [&](const auto* role) { return role->text == text; });
  }

  void add(const ClipSpecialToken& token, std::int64_t id, const fs::path& file, const std::string& key) {
    entries_.push_back({token, file, key, true});
    entries_.back().token.id = id;
  }

  std::int64_t id_of(const json& value, const fs::path& file, const std::string& key) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= kMaxTokens) {
      throw key_error(file, key, "expected an id from 0 to " + std::to_string(kMaxTokens - 1));
    }
    return value.get<std::int64_t>();
  }

  /// Reads tokenizer.json: a list of objects with id and content.
  void take_list(const json& tokenizer) {
    const auto found = tokenizer.find("added_tokens");
    if (found == tokenizer.end() || found->is_null()) return;
    if (!found->is_array()) throw key_error(whole_file_, "added_tokens", "expected a list");
    for (const auto& value : *found) {
      const auto token = token_of(value, "added_tokens", whole_file_);
      if (!value.is_object() || !value.contains("id") || !token) {
        throw key_error(whole_file_, "added_tokens", "expected objects with id and content");
      }
      add(*token, id_of(value["id"], whole_file_, token->text), whole_file_, token->text);
    }
  }

  /// Reads tokenizer_config.json of newer folders: tokens by id.
  void take_decoder() {
    if (!newer()) return;
    const auto& listed = config_["added_tokens_decoder"];
    if (!listed.is_object()) {
      throw key_error(config_file_, "added_tokens_decoder",
                      std::string("expected an object, found ") + listed.type_name());
    }
    for (const auto& [id, value] : listed.items()) {
      const auto token = token_of(value, id, config_file_);
      if (!token) continue;
      if (id.empty() || id.size() > 7 || id.find_first_not_of("0123456789") != std::string::npos) {
        throw key_error(config_file_, id, "expected an id from 0 to " + std::to_string(kMaxTokens - 1));
      }
      add(*token, id_of(json(std::stoul(id)), config_file_, id), config_file_, token->text);
    }
  }

  /// Reads added_tokens.json of older folders: ids by token.
  void take_added_file() {
    const auto added = read_tokenizer_config(added_file_);
    for (const auto& [text, id] : added.items()) {
      add(ClipSpecialToken{text}, id_of(id, added_file_, text), added_file_, text);
    }
  }

  /// Puts the token into the vocabulary. If the vocabulary has it already, the ids must be equal.
  void place(const Entry& entry) {
    const auto& [text, id] = std::pair(entry.token.text, entry.token.id);
    if (text.empty()) throw key_error(entry.file, entry.key, "expected a token, found an empty text");
    const auto known = vocabulary_.ids.find(text);
    if (known != vocabulary_.ids.end()) {
      if (known->second == id) return;
      throw key_error(entry.file, text,
                      "id " + std::to_string(id) + ", but elsewhere it is " + std::to_string(known->second));
    }
    const auto at = static_cast<std::size_t>(id);
    if (at >= vocabulary_.tokens.size()) vocabulary_.tokens.resize(at + 1);
    if (!vocabulary_.tokens[at].empty()) {
      throw key_error(entry.file, text,
                      "id " + std::to_string(id) + " is also that of " + quote_text(vocabulary_.tokens[at]));
    }
    vocabulary_.tokens[at] = text;
    vocabulary_.ids.emplace(text, id);
    vocabulary_.added.emplace(id, entry.file);
  }

  void take_roles() {
    vocabulary_.start = role("bos_token", kClipStartToken);
    vocabulary_.end = role("eos_token", kClipEndToken);
    vocabulary_.pad = pad_token_.empty() ? role("pad_token", kClipEndToken) : given_pad();
    vocabulary_.unknown = role("unk_token", kClipEndToken);
  }

  ClipSpecialToken given_pad() const {
    const auto found = vocabulary_.ids.find(pad_token_);
    if (found == vocabulary_.ids.end()) {
      throw key_error(vocabulary_.file, pad_token_, "missing (the text encoder's padding)");
    }
    return {pad_token_, found->second};
  }

  ClipSpecialToken role(const char* key, std::string_view fallback) const {
    auto token = token_under(config_, key, config_file_);
    fs::path named_by = config_file_;
    // A folder that lists every added token ignores the separate map.
    if (auto mapped = token_under(map_, key, map_file_); mapped && !(newer() && token)) {
      token = std::move(mapped);
      named_by = map_file_;
    }
    if (!token) token = ClipSpecialToken{std::string(fallback)};
    const auto found = vocabulary_.ids.find(token->text);
    if (token->text.empty() || found == vocabulary_.ids.end()) {
      const auto name = vocabulary_.file.filename().string();
      if (token->text == fallback) {
        throw key_error(vocabulary_.file, fallback, std::string("missing (needed as ") + key + ")");
      }
      throw key_error(named_by, key, quote_text(token->text) + " is not in " + name);
    }
    token->id = found->second;
    return *token;
  }

  /// With the vocabulary of tokenizer.json, its own unk_token decides what replaces unknown bytes.
  void take_unknown(const json& tokenizer) {
    const auto& model = tokenizer["model"];
    const auto found = model.find("unk_token");
    if (found == model.end() || found->is_null()) return;
    const auto token = token_of(*found, "model.unk_token", whole_file_);
    const auto known = vocabulary_.ids.find(token->text);
    if (known == vocabulary_.ids.end()) {
      throw key_error(whole_file_, "model.unk_token", quote_text(token->text) + " is not in the vocabulary");
    }
    vocabulary_.unknown = *token;
    vocabulary_.unknown.id = known->second;
  }

  /// Reads lists that name tokens without ids; each must have an id already. Returns the tokens' texts.
  std::unordered_set<std::string> take_named_lists() {
    std::unordered_set<std::string> named;
    for (const auto& [object, file] : {std::pair{&config_, config_file_}, {&map_, map_file_}}) {
      for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
        const auto found = object->find(key);
        if (found == object->end() || found->is_null()) continue;
        if (!found->is_structured()) throw key_error(file, key, "expected a list of tokens");
        for (const auto& value : *found) {
          const auto token = token_of(value, key, file);
          if (!token) continue;
          const auto known = vocabulary_.ids.find(token->text);
          if (known == vocabulary_.ids.end()) {
            throw key_error(file, key, quote_text(token->text) + " has no id in any file of the folder");
          }
          entries_.push_back({*token, file, key, false});
          entries_.back().token.id = known->second;
          named.insert(token->text);
        }
      }
    }
    return named;
  }

  /// Adds each text once. Flags from a list with all flags take precedence over those of a role.
  void finish() {
    const auto listed = [&](const std::string& text) -> const ClipSpecialToken* {
      const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.has_id && entry.file != added_file_ && entry.token.text == text &&
               (entry.file == config_file_ || vocabulary_.file == whole_file_);
      });
      return found == entries_.end() ? nullptr : &found->token;
    };
    std::unordered_set<std::string> taken;
    const auto take = [&](const ClipSpecialToken& token) {
      if (taken.insert(token.text).second) vocabulary_.special.push_back(token);
    };
    for (auto* token : {&vocabulary_.start, &vocabulary_.end, &vocabulary_.unknown, &vocabulary_.pad}) {
      if (const auto* flags = listed(token->text)) *token = *flags;
      take(*token);
    }
    for (const auto& entry : entries_) take(entry.token);
  }

  const std::string pad_token_;
  const fs::path config_file_, map_file_, added_file_, whole_file_;
  ClipVocabulary& vocabulary_;
  const json config_, map_;
  std::vector<Entry> entries_;
};

}  // namespace

void take_special_tokens(const fs::path& directory, const json& tokenizer, const std::string& pad_token,
                         ClipVocabulary& vocabulary) {
  SpecialTokens(directory, pad_token, vocabulary).take(tokenizer);
}

}  // namespace forgedit
