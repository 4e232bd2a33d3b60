#include <array>
#include <nlohmann/json.hpp>

#include "forgedit/text/clip_files.h"
#include "forgedit/text/clip_pretokenize.h"
#include "forgedit/text/utf8.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWords = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
/// Older versions list the control tokens first in the pattern, which changes no id.
constexpr const char* kControls = R"(<\|startoftext\|>|<\|endoftext\|>|)";

/// Compares one tokenizer.json with the rules that this project implements.
class TokenizerJson {
 public:
  explicit TokenizerJson(const fs::path& file) : file_(file) {}

  [[noreturn]] void reject(const std::string& key, const std::string& expected, const json& found) const {
    auto text = found.dump(-1, ' ', true, json::error_handler_t::replace);
    throw failure(file_.string() + ": " + key + ": expected " + expected + ", found " + quote_text(text));
  }

  /// Requires that `object[key]` is `expected`, absent or null.
  void expect(const std::string& path, const json& object, const char* key, const json& expected) const {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null() || *found == expected) return;
    reject(path + "." + key, expected.dump(), *found);
  }

  /// Requires that `value` is an object of type `type`.
  const json& typed(const std::string& path, const json& value, const char* type) const {
    if (!value.is_object() || value.value("type", json()) != type) reject(path, type, value);
    return value;
  }

  /// The steps of a "Sequence" under `list`. There must be `count` of them.
  const json& sequence(const std::string& path, const json& value, const char* list,
                       std::size_t count) const {
    const auto& steps = typed(path, value, "Sequence");
    const auto found = steps.find(list);
    if (found == steps.end() || !found->is_array() || found->size() != count) reject(path, list, value);
    return *found;
  }

  void check_normalizer(const json& normalizer) const {
    const auto& steps = sequence("normalizer", normalizer, "normalizers", 3);
    typed("normalizer", steps[0], "NFC");
    const auto& spaces = typed("normalizer", steps[1], "Replace");
    if (spaces.value("pattern", json()) != json{{"Regex", "\\s+"}} ||
        spaces.value("content", json()) != " ") {
      reject("normalizer", "white space replaced by one space", spaces);
    }
    typed("normalizer", steps[2], "Lowercase");
  }

  void check_words(const json& pre_tokenizer) const {
    const auto& steps = sequence("pre_tokenizer", pre_tokenizer, "pretokenizers", 2);
    const auto& split = typed("pre_tokenizer", steps[0], "Split");
    const auto pattern = split.value("pattern", json());
    const bool known =
        pattern == json{{"Regex", kWords}} || pattern == json{{"Regex", std::string(kControls) + kWords}};
    if (!known) reject("pre_tokenizer.pattern", "that of CLIP", pattern);
    expect("pre_tokenizer", split, "behavior", "Removed");
    expect("pre_tokenizer", split, "invert", true);
    const auto& bytes = typed("pre_tokenizer", steps[1], "ByteLevel");
    expect("pre_tokenizer", bytes, "add_prefix_space", false);
    expect("pre_tokenizer", bytes, "use_regex", true);
  }

  /// Requires that every text gets the start token before it and the end token after it.
  void check_ends(const json& processor) const {
    const auto name = [](const json& list) {
      return list.is_array() && !list.empty() && list[0].is_string() ? list[0] : json();
    };
    if (processor.is_object() && processor.value("type", json()) == "TemplateProcessing") {
      const auto single = processor.value("single", json());
      const auto is = [&](std::size_t at, const char* kind, const char* id) {
        return single[at].is_object() && single[at].contains(kind) && single[at][kind].is_object() &&
               single[at][kind].value("id", json()) == id;
      };
      const bool right = single.is_array() && single.size() == 3 &&
                         is(0, "SpecialToken", kClipStartToken.data()) && is(1, "Sequence", "A") &&
                         is(2, "SpecialToken", kClipEndToken.data());
      if (!right) reject("post_processor.single", "start token, text, end token", single);
      return;
    }
    const auto& roberta = typed("post_processor", processor, "RobertaProcessing");
    for (const auto& [key, token] : {std::pair{"cls", kClipStartToken}, {"sep", kClipEndToken}}) {
      const auto found = roberta.value(key, json());
      if (name(found) != token) reject(std::string("post_processor.") + key, std::string(token), found);
    }
  }

  void check_model(const json& model) const {
    expect("model", model, "type", "BPE");
    expect("model", model, "continuing_subword_prefix", "");
    expect("model", model, "fuse_unk", false);
    expect("model", model, "byte_fallback", false);
    expect("model", model, "ignore_merges", false);
    const auto suffix = model.find("end_of_word_suffix");
    if (suffix == model.end() || *suffix != kClipWordEnd) {
      reject("model.end_of_word_suffix", std::string(kClipWordEnd), suffix == model.end() ? json() : *suffix);
    }
    const auto dropout = model.find("dropout");
    if (dropout != model.end() && !dropout->is_null() && *dropout != 0) {
      reject("model.dropout", "none", *dropout);
    }
  }

 private:
  const fs::path& file_;
};

void take_merges(const std::string& origin, const json& merges, ClipVocabulary& vocabulary) {
  std::size_t number = 0;
  for (const auto& merge : merges) {
    const auto where = origin + std::to_string(number++) + ": ";
    if (merge.is_string()) {
      const auto [left, right] = split_merge(where, merge.get_ref<const std::string&>());
      take_merge(where, left, right, vocabulary);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      take_merge(where, merge[0].get<std::string>(), merge[1].get<std::string>(), vocabulary);
    } else {
      throw failure(where + "expected a text or a list of two texts");
    }
  }
}

}  // namespace

void take_tokenizer_json(const fs::path& file, const json& tokenizer, ClipVocabulary& vocabulary) {
  const TokenizerJson checks(file);
  const auto model = tokenizer.find("model");
  if (model == tokenizer.end() || !model->is_object()) {
    checks.reject("model", "an object", model == tokenizer.end() ? json() : *model);
  }
  checks.check_model(*model);
  // An absent key means CLIP's own rule; a key with null means no rule.
  if (tokenizer.contains("normalizer")) checks.check_normalizer(tokenizer["normalizer"]);
  if (tokenizer.contains("pre_tokenizer")) checks.check_words(tokenizer["pre_tokenizer"]);
  if (tokenizer.contains("post_processor")) checks.check_ends(tokenizer["post_processor"]);

  const auto vocab = model->find("vocab"), merges = model->find("merges");
  if (vocab == model->end() || !vocab->is_object()) {
    throw failure(file.string() + ": model.vocab: expected an object");
  }
  if (merges == model->end() || !merges->is_array()) {
    throw failure(file.string() + ": model.merges: expected a list");
  }
  const auto added = tokenizer.value("added_tokens", json::array());
  take_tokens(file, *vocab, vocab->size() + added.size(), vocabulary);
  take_merges(file.string() + ": model.merges: ", *merges, vocabulary);
}

}  // namespace forgedit
