#include "forgedit/text/wordpiece.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using Ids = std::vector<std::int64_t>;
using testing::contains;
using testing::message_of;

const std::vector<std::string> kTokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a",     "dog", "##s",  "cafe",
                                       "'",     "s",     ".",     "run",   "##ner", "don", "t",    ",",
                                       "$",     "n't",   "i",     "do",    "'m",    "狗",  "##ing"};

class WordPiece : public testing::TemporaryFolder {
 protected:
  void write(const char* name, const std::string& contents) {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
  }
  void write_vocabulary() {
    std::string lines;
    for (const auto& token : kTokens) lines += token + "\n";
    write("vocab.txt", lines);
  }
  WordPieceTokenizer load() const { return WordPieceTokenizer::from_directory(folder_); }
  static Ids ids(const std::vector<std::string>& tokens) {
    Ids result;
    for (const auto& token : tokens) {
      result.push_back(std::find(kTokens.begin(), kTokens.end(), token) - kTokens.begin());
    }
    return result;
  }
};

TEST_F(WordPiece, SplitsAsBertDoes) {
  write_vocabulary();
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer.tokenize("A  Dogs\tRUNNER."), ids({"a", "dog", "##s", "run", "##ner", "."}));
  EXPECT_EQ(tokenizer.tokenize("Café, don't"), ids({"cafe", ",", "don", "'", "t"}));
  EXPECT_EQ(tokenizer.tokenize("a$a"), ids({"a", "$", "a"}));
  EXPECT_EQ(tokenizer.tokenize("a狗a"), ids({"a", "狗", "a"}));
  EXPECT_EQ(tokenizer.tokenize("do\xc2\xadg\x01s"), ids({"dog", "##s"})) << "soft hyphen and control";
  EXPECT_EQ(tokenizer.tokenize("dogx a"), ids({"[UNK]", "a"})) << "the whole word is unknown";
  EXPECT_EQ(tokenizer.tokenize(std::string(101, 'a')), ids({"[UNK]"}));
  EXPECT_EQ(tokenizer.tokenize(" \n"), Ids{});
}

TEST_F(WordPiece, DecodesWithTheCleanUp) {
  write_vocabulary();
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer.decode(ids({"a", "dog", "##s", ",", "run", "##ing", "."})), "a dogs, runing.");
  EXPECT_EQ(tokenizer.decode(ids({"a", "dog", "'", "s", "don", "'", "t"})), "a dog's don't");
  EXPECT_EQ(tokenizer.decode(ids({"do", "n't", "i", "'m"})), "don't i'm");
  EXPECT_EQ(tokenizer.decode(ids({"[CLS]", "a", "[PAD]", "dog", "[SEP]", "[PAD]"})), "a dog");
  EXPECT_EQ(tokenizer.decode({30522, 4, -1, 5}), "a dog") << "ids that the vocabulary lacks";
  EXPECT_EQ(tokenizer.decode({}), "");
}

TEST_F(WordPiece, TokenizerJsonSaysTheSameAsVocabTxt) {
  nlohmann::json vocabulary;
  for (std::size_t id = 0; id < kTokens.size(); ++id) vocabulary[kTokens[id]] = id;
  const nlohmann::json dec{{"id", kTokens.size() + 2}, {"content", "[DEC]"}, {"special", true}};
  const nlohmann::json file{{"model", {{"type", "WordPiece"}, {"vocab", vocabulary}}},
                            {"added_tokens", {dec}}};
  write("tokenizer.json", file.dump());
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer.vocab_size(), kTokens.size() + 3);
  EXPECT_EQ(tokenizer.tokenize("a dogs"), ids({"a", "dog", "##s"}));
  const auto last = static_cast<std::int64_t>(kTokens.size());
  EXPECT_EQ(tokenizer.decode({last + 2, 4, last, last + 1, 5}), "a dog") << "[DEC] and the hole before it";
}

TEST_F(WordPiece, BadFilesGiveOneLine) {
  const auto expect = [&](const char* name, const std::string& contents, const std::string& part) {
    std::filesystem::remove(folder_ / "vocab.txt");
    std::filesystem::remove(folder_ / "tokenizer.json");
    if (*name) write(name, contents);
    const auto message = message_of([&] { load(); });
    EXPECT_TRUE(contains(message, part)) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
  };
  expect("", "", "expected vocab.txt or tokenizer.json");
  expect("vocab.txt", "", "[UNK]: missing");
  expect("vocab.txt", "[UNK]\n\na\n", "line 2: expected a token");
  expect("vocab.txt", "[UNK]\na\na\n", "\"a\": expected once, found as 1 and 2");
  expect("vocab.txt", "[UNK]\n\x1b[2J\n", "token 1 holds a control character");
  expect("tokenizer.json", "{", "not valid JSON");
  expect("tokenizer.json", "{}", "model: expected an object");
  expect("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {}}})",
         "type: expected WordPiece, found BPE");
  expect("tokenizer.json", R"({"model": {"vocab": []}})", "model.vocab: expected an object");
  expect("tokenizer.json", R"({"model": {"vocab": {"a": -1}}})", "expected an id");
  expect("tokenizer.json", R"({"model": {"vocab": {"a": 99999999999}}})", "expected an id");
  // Room for a million tokens, in a file that can name a few.
  expect("tokenizer.json", R"({"model": {"vocab": {"[UNK]": 1000000}}})", "expected an id");
  expect("tokenizer.json",
         R"({"model": {"vocab": )" + std::string(100000, '[') + std::string(100000, ']') + "}}",
         "nested too deep");
  expect("tokenizer.json", R"({"model": {"vocab": {"a": 0, "[UNK]": 0}}})", "is also that of");
  expect("tokenizer.json", R"({"model": {"vocab": {"[UNK]": 0}}, "added_tokens": [1]})", "added_tokens");
}

}  // namespace
}  // namespace forgedit
