#include "forgedit/text/clip_tokenizer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/text/clip_pretokenize.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

/// A folder with a tiny vocabulary: all bytes, a few merges, the control tokens.
class ClipTokenizerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) /
              ("forgedit_tokenizer_" + std::to_string(::getpid()) + "_" + test->name());
    fs::create_directories(folder_);
    for (const std::string suffix : {"", "</w>"}) {
      for (const auto byte : clip_byte_order()) names_.push_back(clip_byte_symbols()[byte] + suffix);
    }
    for (const auto& [left, right] : kMerges) names_.push_back(left + right);
    names_.insert(names_.end(), {"<|startoftext|>", "<|endoftext|>"});
    write("vocab.json", vocabulary().dump());
    std::string merges = "#version: 0.2\n";
    for (const auto& [left, right] : kMerges) merges += left + " " + right + "\n";
    write("merges.txt", merges);
  }
  void TearDown() override { remove_tree(folder_); }

  void write(const std::string& name, const std::string& contents) const {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
  }
  nlohmann::json vocabulary() const {
    nlohmann::json out = nlohmann::json::object();
    for (std::size_t id = 0; id < names_.size(); ++id) out[names_[id]] = id;
    return out;
  }
  ClipTokenizer load() const { return ClipTokenizer::from_directory(folder_); }
  Names named(const std::vector<std::int64_t>& ids) const {
    Names out;
    for (const auto id : ids) out.push_back(names_.at(static_cast<std::size_t>(id)));
    return out;
  }
  Names pieces(const std::string& text) const { return named(load().tokenize(text)); }

  /// What loading complains about: one line that names `file`, or a test failure.
  std::string complaint(const std::string& file) const {
    try {
      load();
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.kind(), ErrorKind::failure);
      EXPECT_NE(message.find((folder_ / file).string()), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      return message;
    }
    ADD_FAILURE() << "loaded although " << file << " is damaged";
    return "";
  }
  void expect_complaint(const std::string& file, const std::string& about) const {
    const std::string message = complaint(file);
    EXPECT_NE(message.find(about), std::string::npos) << message;
  }

  const std::vector<std::pair<std::string, std::string>> kMerges = {
      {"c", "a"}, {"ca", "t</w>"}, {"d", "o"}, {"do", "g</w>"}, {"'", "s</w>"}, {"a", "a"}, {"aa", "aa"},
  };
  fs::path folder_;
  Names names_;
};

TEST_F(ClipTokenizerTest, MergesByRankAndMarksWordEnds) {
  EXPECT_EQ(pieces("cat"), Names({"cat</w>"}));
  EXPECT_EQ(pieces("cats"), Names({"ca", "t", "s</w>"}));
  EXPECT_EQ(pieces("Dog CAT"), Names({"dog</w>", "cat</w>"}));
  EXPECT_EQ(pieces(""), Names());
  EXPECT_EQ(pieces(" \t\n "), Names());
}

TEST_F(ClipTokenizerTest, EqualRanksMergeFromTheLeft) {
  EXPECT_EQ(pieces("aaa"), Names({"aa", "a</w>"}));
  EXPECT_EQ(pieces("aaaaaaaa"), Names({"aaaa", "aa", "a", "a</w>"}));
}

TEST_F(ClipTokenizerTest, SplitsContractionsDigitsAndPunctuation) {
  EXPECT_EQ(pieces("dog's"), Names({"dog</w>", "'s</w>"}));
  EXPECT_EQ(pieces("dog'S"), Names({"dog</w>", "'s</w>"}));
  EXPECT_EQ(pieces("'sky"), Names({"'s</w>", "k", "y</w>"}));
  EXPECT_EQ(pieces("12"), Names({"1</w>", "2</w>"}));
  EXPECT_EQ(pieces("!'s"), Names({"!", "'</w>", "s</w>"}));
  EXPECT_EQ(pieces("a_b"), Names({"a</w>", "_</w>", "b</w>"}));
}

TEST_F(ClipTokenizerTest, WeightsOfWordsAreLiteral) {
  EXPECT_EQ(pieces("a (cat:1.2)"), pieces("a ( cat : 1 . 2 )"));
  EXPECT_EQ(pieces("[cat]"), pieces("[ cat ]"));
}

TEST_F(ClipTokenizerTest, ControlTokensInsideATextAreThemselves) {
  EXPECT_EQ(pieces("<|startoftext|>cat<|endoftext|>dog"),
            Names({"<|startoftext|>", "cat</w>", "<|endoftext|>", "dog</w>"}));
  // Looked for before the text becomes lower case.
  const Names upper = pieces("<|ENDOFTEXT|>");
  EXPECT_EQ(upper.front(), "<");
  EXPECT_EQ(upper[1], "|</w>");
  EXPECT_EQ(upper.back(), "></w>");
}

TEST_F(ClipTokenizerTest, NormalizedControlTokensMatchInAnyCase) {
  write("tokenizer_config.json",
        R"({"eos_token": {"content": "<|endoftext|>", "normalized": true, "__type": "AddedToken"}})");
  EXPECT_EQ(pieces("cat<|ENDOFTEXT|>"), Names({"cat</w>", "<|endoftext|>"}));
}

TEST_F(ClipTokenizerTest, NormalisesUnicode) {
  EXPECT_EQ(pieces("e\u0301"), pieces("\u00e9"));
  EXPECT_EQ(pieces("\u212bX"), pieces("\u00e5x"));  // Angstrom sign: NFC first, then lower case
  EXPECT_EQ(pieces("q\u0307\u0323"), pieces("q\u0323\u0307"));
  EXPECT_EQ(pieces("\u0130"), Names({"i</w>", "\u00cc", "\u0129</w>"}));  // i, then bytes CC 87
  EXPECT_EQ(pieces("\u03a3"), pieces("\u03c3"));
  EXPECT_EQ(pieces("\u1100\u1161"), pieces("\uac00"));
}

TEST_F(ClipTokenizerTest, UnicodeSpacesSeparateAndOthersDoNot) {
  for (const std::string space :
       {"\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000", "\v"}) {
    EXPECT_EQ(pieces("cat" + space + "dog"), Names({"cat</w>", "dog</w>"}));
  }
  EXPECT_EQ(pieces("cat\u200bdog").size(), 5u);  // zero-width space: a word of three bytes
  EXPECT_EQ(pieces(std::string("a\0b", 3)), Names({"a</w>", "\u0100</w>", "b</w>"}));
}

TEST_F(ClipTokenizerTest, InvalidUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(pieces("cat\xff"), pieces("cat\ufffd"));
  EXPECT_EQ(pieces("\xe2\x82"), pieces("\ufffd"));  // cut short: one
  EXPECT_EQ(pieces("\xe2\x82"
                   "cat"),
            pieces("\ufffd"
                   "cat"));                                         // the letter after it survives
  EXPECT_EQ(pieces("\xed\xa0\x80"), pieces("\ufffd\ufffd\ufffd"));  // surrogate
  EXPECT_EQ(pieces("\xc0\xaf"), pieces("\ufffd\ufffd"));            // overlong
  EXPECT_EQ(pieces("\xf4\x90\x80\x80"), pieces("\ufffd\ufffd\ufffd\ufffd"));
}

TEST_F(ClipTokenizerTest, EncodesToFixedLength) {
  const ClipTokenizer tokenizer = load();
  const auto encoding = tokenizer.encode("cat dog", 6);
  EXPECT_EQ(named(encoding.ids), Names({"<|startoftext|>", "cat</w>", "dog</w>", "<|endoftext|>",
                                        "<|endoftext|>", "<|endoftext|>"}));
  EXPECT_EQ(encoding.token_count, 2u);
  EXPECT_EQ(encoding.dropped, "");
  EXPECT_EQ(tokenizer.encode("").ids.size(), 77u);
}

TEST_F(ClipTokenizerTest, TruncationSaysWhatItDropped) {
  const auto encoding = load().encode("cat Dog cat \u00e9 dog", 4);
  EXPECT_EQ(named(encoding.ids), Names({"<|startoftext|>", "cat</w>", "dog</w>", "<|endoftext|>"}));
  EXPECT_EQ(encoding.token_count, 6u);
  EXPECT_EQ(encoding.dropped, "cat \u00e9 dog");
  EXPECT_EQ(load().encode("\u00e9", 3).dropped, "\ufffd");  // cut through a character
  EXPECT_EQ(load().encode("cat", 2).dropped, "cat");
  EXPECT_THROW(load().encode("cat", 1), Error);
}

TEST_F(ClipTokenizerTest, DecodesAndRefusesForeignIds) {
  const ClipTokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.decode(tokenizer.tokenize("Caf\u00e9  \U0001f338 don't")),
            "caf\u00e9 \U0001f338 don 't");
  EXPECT_THROW(tokenizer.decode({-1}), Error);
  EXPECT_THROW(tokenizer.decode({static_cast<std::int64_t>(tokenizer.vocab_size())}), Error);
}

TEST_F(ClipTokenizerTest, PaddingTokenComesFromTheConfig) {
  write("tokenizer_config.json", R"({"pad_token": "!"})");
  EXPECT_EQ(named({load().pad_id()}), Names({"!"}));
  write("special_tokens_map.json", R"({"pad_token": {"content": "?", "normalized": false}})");
  EXPECT_EQ(named({load().pad_id()}), Names({"?"}));
  write("special_tokens_map.json", R"({"pad_token": null})");
  write("tokenizer_config.json", "{}");
  EXPECT_EQ(load().pad_id(), load().end_id());
}

TEST_F(ClipTokenizerTest, UnknownBytesBecomeTheEndToken) {
  auto small = nlohmann::json::object({{"a</w>", 0}, {"<|startoftext|>", 1}, {"<|endoftext|>", 2}});
  write("vocab.json", small.dump());
  write("merges.txt", "#version: 0.2\n");
  EXPECT_EQ(load().tokenize("a b"), (std::vector<std::int64_t>{0, 2}));
}

TEST_F(ClipTokenizerTest, LongWordsTakeNoQuadraticTime) {
  const ClipTokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.tokenize(std::string(1 << 20, 'a')).size(), (1u << 18) + 2);  // ..., aa, a, a</w>
  std::string marks = "a";
  for (int i = 0; i < 100000; ++i) marks += i < 50000 ? "\u0301" : "\u0323";
  EXPECT_GT(tokenizer.tokenize(marks).size(), 100000u);
}

TEST_F(ClipTokenizerTest, ThreadsShareOneTokenizer) {
  const ClipTokenizer tokenizer = load();
  const auto expected = tokenizer.tokenize("cat dog's aaaa");
  std::vector<std::thread> threads;
  std::vector<int> same(4, 0);
  for (int& mine : same) {
    threads.emplace_back([&tokenizer, &expected, &mine] {
      for (int i = 0; i < 200; ++i) mine += tokenizer.tokenize("cat dog's aaaa") == expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 200));
}

TEST_F(ClipTokenizerTest, RefusesDamagedVocabularies) {
  const auto with = [&](const std::string& contents, const std::string& about) {
    write("vocab.json", contents);
    expect_complaint("vocab.json", about);
  };
  with("", "not valid JSON");
  with("{\"a\": 1", "not valid JSON");
  with("{\"\xff\": 1}", "not valid JSON");
  with("[1, 2]", "expected a JSON object");
  with("7", "expected a JSON object");
  with("{}", "<|startoftext|>");
  with(R"({"a": -1})", "\"a\": expected an id from 0 to 0");
  with(R"({"a": 1.5})", "\"a\"");
  with(R"({"a": "0"})", "found a string");
  with(R"({"a": 18446744073709551616})", "\"a\"");
  with(R"({"a": {"b": 0}})", "\"a\"");
  with(R"({"a": 0, "b": 0})", "is also that of");
  with(R"({"a": 0, "a": 1})", "found twice");
  with(R"({"line\nbreak": 5})", "\"line?break\"");
  with(std::string(100000, '['), "expected a JSON object");

  auto entries = vocabulary();
  entries["cat</w>"] = names_.size();
  with(entries.dump(), "cat</w>");
  fs::remove(folder_ / "vocab.json");
  expect_complaint("vocab.json", "no such file");
}

TEST_F(ClipTokenizerTest, RefusesVocabulariesWithoutControlTokens) {
  const Names complete = names_;
  for (const std::string control : {"<|startoftext|>", "<|endoftext|>"}) {
    names_ = complete;
    std::replace(names_.begin(), names_.end(), control, std::string("other"));
    write("vocab.json", vocabulary().dump());
    expect_complaint("vocab.json", control);
  }
}

TEST_F(ClipTokenizerTest, RefusesDamagedMerges) {
  const auto with = [&](const std::string& contents, const std::string& about) {
    write("merges.txt", contents);
    expect_complaint("merges.txt", about);
  };
  with("#version: 0.2\nc a\nca\n", "line 3");
  with("#version: 0.2\nc a t\n", "line 2");
  with("#version: 0.2\nc  a\n", "line 2");
  with("#version: 0.2\n c\n", "line 2");
  with("#version: 0.2\nc a\n\nd o\n", "line 3");
  with("#version: 0.2\nc a\nx y\n", "\"xy\" is not in vocab.json");
  with("#version: 0.2\nzz a\n", "\"zz\" is not in vocab.json");
  with(std::string(1 << 20, '\xff'), "line 1");

  write("merges.txt", "#version: 0.2\r\nc a\r\nca t</w>\r\n\r\n");  // line ends of another system are fine
  EXPECT_EQ(pieces("cat"), Names({"cat</w>"}));
  write("merges.txt", "#version: 0.2");
  EXPECT_EQ(pieces("at"), Names({"a", "t</w>"}));
}

TEST_F(ClipTokenizerTest, RefusesDamagedConfigs) {
  for (const std::string file : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const auto with = [&](const std::string& contents, const std::string& about) {
      write(file, contents);
      expect_complaint(file, about);
    };
    with("{", "not valid JSON");
    with("[]", "expected a JSON object");
    with(R"({"pad_token": 3})", "pad_token");
    with(R"({"pad_token": {"content": 3}})", "pad_token");
    with(R"({"pad_token": "nowhere"})", "\"nowhere\" is not in vocab.json");
    with(R"({"pad_token": ""})", "pad_token");
    with("{\"deep\": " + std::string(100000, '['), "nested too deep");
    fs::remove(folder_ / file);
  }
}

TEST_F(ClipTokenizerTest, RefusesOversizedFiles) {
  fs::resize_file(folder_ / "merges.txt", std::uintmax_t{1} << 32);  // sparse, takes no space
  expect_complaint("merges.txt", "expected at most");
}

TEST(ClipTokenizerFolder, LoadsTheTinyModel) {
  const auto folder = fs::path(FORGEDIT_SOURCE_DIR) / "tests" / "golden" / "tiny-sd" / "tokenizer";
  const auto tokenizer = ClipTokenizer::from_directory(folder);
  EXPECT_EQ(tokenizer.vocab_size(), 1514u);
  EXPECT_EQ(tokenizer.start_id(), 1512);
  EXPECT_EQ(tokenizer.end_id(), 1513);
  EXPECT_EQ(tokenizer.pad_id(), 1513);
  EXPECT_EQ(tokenizer.tokenize("Every women"), (std::vector<std::int64_t>{1505, 1507}));
}

TEST(ClipTokenizerFolder, TheVocabularyThatShipsIsClips) {
  const auto folder = fs::path(FORGEDIT_SOURCE_DIR) / "assets" / "clip";
  const auto tokenizer = ClipTokenizer::from_directory(folder);
  EXPECT_EQ(tokenizer.vocab_size(), 49408u);
  EXPECT_EQ(tokenizer.end_id(), 49407);
  EXPECT_EQ(tokenizer.encode("a photo of a cat", 8).ids,
            (std::vector<std::int64_t>{49406, 320, 1125, 539, 320, 2368, 49407, 49407}));
}

TEST(ClipTokenizerFolder, TheCallerMaySayWhatPads) {
  const auto folder = fs::path(FORGEDIT_SOURCE_DIR) / "assets" / "clip";
  const auto tokenizer = ClipTokenizer::from_directory(folder, "!");
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.encode("cat!", 6).ids, (std::vector<std::int64_t>{49406, 2368, 0, 49407, 0, 0}))
      << "as with a folder that names it: a token with a role is looked for in texts, too";
  try {
    ClipTokenizer::from_directory(folder, "<|nothing|>");
    ADD_FAILURE() << "no Error came";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("vocab.json: key \"<|nothing|>\": missing"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace forgedit
