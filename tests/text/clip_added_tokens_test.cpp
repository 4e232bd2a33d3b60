// tokenizer.json, and tokens that were added to a vocabulary.
#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/text/clip_tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;
using Ids = std::vector<std::int64_t>;

const fs::path kTiny = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd/tokenizer";
constexpr std::int64_t kStart = 1512, kEnd = 1513, kFirstAdded = 1514;

const std::vector<std::string> kTexts{"",
                                      "a photo of a bird spreading wings.",
                                      "  two   kissing\tparrots \n",
                                      "it's the dog's 2nd birthday, isn't it?",
                                      "na\u00efve caf\u00e9 \U0001f338 e\u0301",
                                      "<|startoftext|> hello <|endoftext|>",
                                      "\u0000\u0001 control"};

/// The rules that CLIP's tokenizer.json states, as transformers writes them.
json clip_rules() {
  return json::parse(R"json({
    "version": "1.0", "truncation": null, "padding": null,
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"},
      {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "behavior": "Removed", "invert": true, "pattern":
        {"Regex": "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"}},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
    "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", 1513],
      "cls": ["<|startoftext|>", 1512], "trim_offsets": false, "add_prefix_space": false},
    "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
      "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false}
  })json");
}

json added(std::int64_t id, const std::string& content, const json& flags = json::object()) {
  json token{{"id", id},        {"content", content}, {"single_word", false}, {"lstrip", false},
             {"rstrip", false}, {"normalized", true}, {"special", false}};
  token.update(flags);
  return token;
}

class ClipAddedTokens : public testing::TemporaryFolder {
 protected:
  void SetUp() override {
    for (const char* name :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
      write(name, read_file(kTiny / name));
    }
  }
  void write(const std::string& name, const std::string& contents) const {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
  }
  void write(const std::string& name, const char* contents) const { write(name, std::string(contents)); }
  void write(const std::string& name, const json& contents) const { write(name, contents.dump()); }

  /// The tiny model's vocabulary as a tokenizer.json, merges as pairs or as texts.
  static json tiny_json(bool pairs) {
    auto whole = clip_rules();
    whole["model"]["vocab"] = json::parse(read_file(kTiny / "vocab.json"));
    whole["model"]["merges"] = json::array();
    std::ifstream lines(kTiny / "merges.txt");
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line.starts_with("#version")) continue;
      const auto space = line.find(' ');
      whole["model"]["merges"].push_back(pairs ? json{line.substr(0, space), line.substr(space + 1)}
                                               : json(line));
    }
    whole["added_tokens"] = {added(kStart, "<|startoftext|>", {{"special", true}}),
                             added(kEnd, "<|endoftext|>", {{"special", true}})};
    return whole;
  }
  /// Nothing but this tokenizer.json.
  void only(const json& whole) const {
    for (const char* name :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
      fs::remove(folder_ / name);
    }
    write("tokenizer.json", whole);
  }
  ClipTokenizer load() const { return ClipTokenizer::from_directory(folder_); }
  Ids ids(const std::string& text) const { return load().tokenize(text); }
  std::string complaint() const {
    const auto message = message_of([&] { load(); });
    EXPECT_TRUE(contains(message, folder_.string())) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    return message;
  }
};

TEST_F(ClipAddedTokens, TokenizerJsonAloneGivesTheSameIds) {
  const auto expected = ClipTokenizer::from_directory(kTiny);
  for (const bool pairs : {true, false}) {
    only(tiny_json(pairs));
    EXPECT_TRUE(is_clip_tokenizer(folder_));
    const auto tokenizer = load();
    for (const auto& text : kTexts) {
      EXPECT_EQ(tokenizer.encode(text).ids, expected.encode(text).ids) << text;
    }
    EXPECT_EQ(tokenizer.vocab_size(), expected.vocab_size());
    EXPECT_EQ(tokenizer.decode(tokenizer.tokenize("every women")), "every women");
  }
  // Normalised here, so found in any case.
  EXPECT_EQ(ids("<|ENDOFTEXT|>"), (Ids{kEnd}));
}

TEST_F(ClipAddedTokens, VocabularyAndMergesGoFirstWhereBothAreThere) {
  auto whole = tiny_json(true);
  whole["model"] = json::object();
  whole["added_tokens"].push_back(added(kFirstAdded, "<dog>"));
  write("tokenizer.json", whole);
  EXPECT_EQ(ids("<dog>"), (Ids{kFirstAdded}));
  EXPECT_NE(ids("<|ENDOFTEXT|>"), (Ids{kEnd})) << "as vocab.json has it";
  fs::remove(folder_ / "merges.txt");
  EXPECT_TRUE(contains(complaint(), "tokenizer.json: model.end_of_word_suffix"));
}

TEST_F(ClipAddedTokens, OtherRulesAreRejectedByName) {
  const auto rejected = [&](const char* pointer, const json& value, const std::string& about) {
    auto whole = tiny_json(true);
    whole[json::json_pointer(pointer)] = value;
    only(whole);
    const auto message = complaint();
    EXPECT_TRUE(contains(message, "tokenizer.json: ") && contains(message, about)) << message;
  };
  rejected("/model/type", "WordPiece", "model.type: expected \"BPE\", found ");
  rejected("/model/end_of_word_suffix", "", "model.end_of_word_suffix: expected </w>");
  rejected("/model/continuing_subword_prefix", "##", "model.continuing_subword_prefix");
  rejected("/model/fuse_unk", true, "model.fuse_unk: expected false, found \"true\"");
  rejected("/model/byte_fallback", true, "model.byte_fallback");
  rejected("/model/ignore_merges", true, "model.ignore_merges");
  rejected("/model/dropout", 0.1, "model.dropout: expected none");
  rejected("/model/unk_token", "nowhere", "model.unk_token");
  rejected("/model/vocab", json::array(), "model.vocab: expected an object");
  rejected("/model/merges", json::object(), "model.merges: expected a list");
  rejected("/model/merges/3", "abc", "model.merges: 3: expected two pieces");
  rejected("/model/merges/3", json::array({"a"}), "model.merges: 3: expected a text or");
  rejected("/model/merges/3", json::array({"zz", "zz"}), "\"zz\" is not in tokenizer.json");
  rejected("/normalizer", nullptr, "normalizer: expected Sequence, found \"null\"");
  rejected("/normalizer/normalizers/0/type", "NFKC", "normalizer: expected NFC");
  rejected("/normalizer/normalizers/2/type", "StripAccents", "normalizer: expected Lowercase");
  rejected("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\s", "pre_tokenizer.pattern");
  rejected("/pre_tokenizer/pretokenizers/1/add_prefix_space", true, "pre_tokenizer.add_prefix_space");
  rejected("/post_processor/sep/0", "!", "post_processor.sep: expected <|endoftext|>");
  rejected("/post_processor", nullptr, "post_processor");
  rejected("/added_tokens/0/id", -1, "expected an id");
  rejected("/added_tokens/0/id", 3, "id 3, but elsewhere it is 1512");
  rejected("/added_tokens", 7, "added_tokens");

  auto whole = tiny_json(true);
  whole["post_processor"] = json::parse(R"({"type": "TemplateProcessing", "pair": [], "special_tokens": {},
    "single": [{"SpecialToken": {"id": "<|startoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]})");
  only(whole);
  EXPECT_EQ(ids("every women"), (Ids{1505, 1507})) << "another way to write the same";
  whole["post_processor"]["single"].erase(0);
  only(whole);
  EXPECT_TRUE(contains(complaint(), "post_processor.single"));
}

TEST_F(ClipAddedTokens, EveryFileThatAddsTokens) {
  const Ids expected{1505, kFirstAdded, 1507};
  const std::string text = "every <my-dog> women";
  EXPECT_NE(ids(text), expected);
  write("added_tokens.json", json{{"<my-dog>", kFirstAdded}});
  EXPECT_EQ(ids(text), expected);
  EXPECT_EQ(ids("every<MY-DOG>women"), expected) << "in any case";
  EXPECT_EQ(load().decode(expected), "every <my-dog> women");
  write("special_tokens_map.json", R"({"additional_special_tokens": ["<my-dog>"]})");
  EXPECT_EQ(ids(text), expected);
  EXPECT_NE(ids("every<MY-DOG>women"), expected) << "a special token is looked for as it is";
  fs::remove(folder_ / "added_tokens.json");
  EXPECT_TRUE(contains(complaint(),
                       "special_tokens_map.json: key \"additional_special_tokens\": \"<my-dog>\" "
                       "has no id"));
  write("special_tokens_map.json", "{}");
  write("tokenizer_config.json", json{{"added_tokens_decoder", {{"1514", added(0, "<my-dog>")}}}});
  EXPECT_EQ(ids(text), expected);
  write("tokenizer_config.json", "{}");
  write("tokenizer.json", json{{"added_tokens", {added(kFirstAdded, "<my-dog>")}}});
  EXPECT_EQ(ids(text), expected);
  // A word of the vocabulary may be added too: then it is found inside of others.
  write("tokenizer.json", json{{"added_tokens", {added(1505, "every</w>")}}});
  EXPECT_EQ(ids("xevery</w>x").size(), 3U);
}

TEST_F(ClipAddedTokens, LongestFirstAndAllFlags) {
  const auto with = [&](const json& flags) {
    write("tokenizer.json",
          json{{"added_tokens", {added(1514, "dog"), added(1515, "dogs are"), added(1516, "<x>", flags)}}});
    return load();
  };
  EXPECT_EQ(with(json::object()).tokenize("dogs are"), (Ids{1515}));
  EXPECT_EQ(with(json::object()).tokenize("DOG"), (Ids{1514}));
  const auto a = with(json::object()).tokenize("a");
  const auto joined = [&](const Ids& before, const Ids& after) {
    Ids all = before;
    all.push_back(1516);
    all.insert(all.end(), after.begin(), after.end());
    return all;
  };
  EXPECT_EQ(with(json::object()).tokenize("a<X>a"), joined(a, a));
  EXPECT_NE(with({{"normalized", false}}).tokenize("a<X>a"), joined(a, a));
  EXPECT_EQ(with({{"normalized", false}}).tokenize("a<x>a"), joined(a, a));
  EXPECT_NE(with({{"single_word", true}}).tokenize("a<x>a"), joined(a, a));
  EXPECT_NE(with({{"single_word", true}}).tokenize("_<x>"), joined(with(json::object()).tokenize("_"), {}));
  EXPECT_EQ(with({{"single_word", true}}).tokenize("a <x>, a").at(a.size()), 1516);
  EXPECT_EQ(with({{"lstrip", true}, {"rstrip", true}, {"normalized", false}}).tokenize("a \t <x> \n a"),
            joined(a, a));
  // White space that one token took along is not there for the next.
  EXPECT_EQ(with({{"lstrip", true}, {"rstrip", true}}).tokenize("<x>  <x>"), (Ids{1516, 1516}));
}

TEST_F(ClipAddedTokens, IdsAreHeldAgainstTheEmbeddingTable) {
  load().require_rows(1514, "text encoder");
  EXPECT_EQ(message_of([&] { load().require_rows(1513, "text encoder"); }),
            (folder_ / "vocab.json").string() +
                ": \"<|endoftext|>\": id 1513, but the text encoder has 1513 token embeddings");
  write("added_tokens.json", json{{"<my-dog>", 1600}});
  EXPECT_EQ(load().vocab_size(), 1601U);
  EXPECT_EQ(message_of([&] { load().require_rows(1514, "text encoder"); }),
            (folder_ / "added_tokens.json").string() +
                ": \"<my-dog>\": id 1600, but the text encoder has 1514 token embeddings");
  write("added_tokens.json", json{{"<my-dog>", 5}});
  EXPECT_TRUE(contains(complaint(), "added_tokens.json: key \"<my-dog>\": id 5 is also that of \"&\""));
  write("added_tokens.json", json{{"a</w>", 5}});
  EXPECT_TRUE(contains(complaint(), "but elsewhere it is"));
  write("added_tokens.json", json{{"<my-dog>", 1 << 20}});
  EXPECT_TRUE(contains(complaint(), "expected an id from 0 to 1048575"));
  write("added_tokens.json", json{{"", 1514}});
  EXPECT_TRUE(contains(complaint(), "expected a token"));
  fs::remove(folder_ / "added_tokens.json");
  write("tokenizer_config.json", R"({"added_tokens_decoder": {"15x": "<a>"}})");
  EXPECT_TRUE(contains(complaint(), "\"15x\": expected an id"));
  write("tokenizer_config.json", R"({"added_tokens_decoder": {"1514": {"content": "<a>", "lstrip": 1}}})");
  EXPECT_TRUE(contains(complaint(), "lstrip: expected true or false"));
}

}  // namespace
}  // namespace forgedit
