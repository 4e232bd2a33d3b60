#include "forgedit/jobs/parameters.h"
#include "forgedit/core/text.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

namespace forgedit {
namespace {

using Values = std::map<std::string, std::string>;

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ' ' || c == '-' || c == '/';
}

/// The rules by which AUTOMATIC1111's web UI reads such a text: the last line is one of settings when it has
/// three pairs; a value is a JSON string where one ends just before a comma or the end, else all up to the
/// comma.
class Reader {
 public:
  explicit Reader(const std::string& text) {
    const auto stripped = strip(text);
    const auto end = stripped.rfind('\n');
    const auto last = end == std::string::npos ? stripped : stripped.substr(end + 1);
    read_pairs(last);
    if (values.size() < 3) values.clear();
    auto lines = values.empty() ? stripped : stripped.substr(0, end);
    for (std::size_t begin = 0; begin <= lines.size();) {
      const auto stop = std::min(lines.find('\n', begin), lines.size());
      add_line(strip(lines.substr(begin, stop - begin)));
      begin = stop + 1;
    }
  }

  std::string prompt, negative;
  Values values;

 private:
  static std::string strip(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r\n\f\v");
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n\f\v") - begin + 1);
  }

  void add_line(std::string line) {
    if (starts_with(line, "Negative prompt:")) {
      is_negative_ = true;
      line = strip(line.substr(16));
    }
    auto& text = is_negative_ ? negative : prompt;
    text += (text.empty() ? "" : "\n") + line;
  }

  void read_pairs(const std::string& line) {
    for (std::size_t at = 0; at < line.size();) {
      auto begin = at;
      while (begin < line.size() && !std::isalnum(static_cast<unsigned char>(line[begin]))) ++begin;
      auto colon = begin;
      while (colon < line.size() && is_key_character(line[colon])) ++colon;
      if (colon >= line.size()) return;
      if (line[colon] != ':' || colon - begin < 2) {
        at = colon + 1;
        continue;
      }
      auto from = colon + 1;
      while (from < line.size() && line[from] == ' ') ++from;
      auto to = end_of_string(line, from);
      if (to == from) to = std::min(line.find(',', from), line.size());
      auto value = line.substr(from, to - from);
      if (value.size() > 1 && value.front() == '"' && value.back() == '"') {
        const auto text = nlohmann::json::parse(value, nullptr, false);
        if (text.is_string()) value = text.get<std::string>();
      }
      values[line.substr(begin, colon - begin)] = value;
      at = to + 1;
    }
  }

  /// Where a JSON string that begins at `from` ends; `from` where there is none.
  static std::size_t end_of_string(const std::string& line, std::size_t from) {
    if (from >= line.size() || line[from] != '"') return from;
    auto end = from + 1;
    while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    const bool whole =
        end < line.size() && end > from + 1 && (end + 1 == line.size() || line[end + 1] == ',');
    return whole ? end + 1 : from;
  }

  bool is_negative_ = false;
};

std::string text_of(const std::string& prompt, const std::string& source) {
  return parameters_text(prompt, "",
                         {{"Steps", "2"},
                          {"Sampler", "DPM++ 2M"},
                          {"CFG scale", "7.5"},
                          {"Size", "64x64"},
                          {"Model", source},
                          {"Source", source},
                          {"Version", "forgedit 1.0"}});
}

TEST(Parameters, ANegativePromptHasItsLine) {
  const auto text =
      parameters_text("a dog", "blurry,\nSteps: 3", {{"Steps", "2"}, {"Seed", "1"}, {"Size", "8x8"}});
  const Reader read(text);
  EXPECT_EQ(read.prompt, "a dog");
  EXPECT_EQ(read.negative, "blurry,\nsteps: 3");
  EXPECT_EQ(read.values.at("Steps"), "2");
}

TEST(Parameters, EveryValueReadsBack) {
  for (const std::string value : {"a dog",
                                  "a dog\nbrown",
                                  "a dog, brown",
                                  "a man walking: dark",
                                  "he said \"hi\"",
                                  "\"",
                                  "\"a\"",
                                  "\\",
                                  "a\\nb",
                                  "C:\\dogs\\",
                                  "\"a\", Steps: 5",
                                  "a dog\r\n\tbrown",
                                  "caf\xc3\xa9",
                                  "\xe7\x8c\xab",
                                  "a\xe2\x80\xa8"
                                  "b",
                                  "a\xc2\x85"
                                  "b",
                                  " a ",
                                  "Steps: 1, Sampler: x, Seed: 2",
                                  "[a, b]",
                                  "{\"a\": 1}"}) {
    const auto text = text_of("a cat", value);
    const Reader read(text);
    EXPECT_EQ(read.values.size(), 7U) << text;
    EXPECT_EQ(read.values.at("Source"), value) << text;
    EXPECT_EQ(read.values.at("Model"), value) << text;
    EXPECT_EQ(read.values.at("Sampler"), "DPM++ 2M") << text;
    EXPECT_EQ(read.values.at("Version"), "forgedit 1.0") << text;
    EXPECT_EQ(read.prompt, "a cat") << text;
    EXPECT_EQ(text.find('\n'), text.rfind('\n')) << text;
    for (const char* line_break : {"\xe2\x80\xa8", "\xc2\x85", "\r"}) {
      EXPECT_EQ(text.find(line_break), std::string::npos) << text;
    }
  }
  EXPECT_EQ(text_of("a cat", "a dog"),
            "a cat\nSteps: 2, Sampler: DPM++ 2M, CFG scale: 7.5, Size: 64x64, Model: a dog, Source: a dog, "
            "Version: forgedit 1.0");
}

TEST(Parameters, BytesThatAreNoTextDoNotHurtTheOthers) {
  const Reader read(text_of("a cat", "a \xff dog"));
  EXPECT_EQ(read.values.at("Source"), "a \xef\xbf\xbd dog");
  EXPECT_EQ(read.values.at("Version"), "forgedit 1.0");
}

TEST(Parameters, ThePromptReadsBack) {
  for (const std::string prompt : {"a cat", "a cat\nbrown\n\nold", "a cat, 1: \"x\"\\",
                                   "a cat\nSampler: x, Seed: 1, Size: 2x2", "[a cat]", "(a cat:1.2)"}) {
    const Reader read(text_of(prompt, "a dog\nbrown"));
    EXPECT_EQ(read.prompt, prompt);
    EXPECT_EQ(read.values.at("Source"), "a dog\nbrown");
  }
}

TEST(Parameters, LinesThatReadersCutAtBecomeSmall) {
  const Reader read(text_of("a cat\n  Negative prompt: dog\nSteps: 1, Sampler: x, Seed: 2", "a"));
  EXPECT_EQ(read.prompt, "a cat\nnegative prompt: dog\nsteps: 1, Sampler: x, Seed: 2");
  EXPECT_EQ(read.negative, "");
  EXPECT_EQ(read.values.at("Steps"), "2");
  EXPECT_EQ(Reader(text_of("Negative prompt: dog", "a")).prompt, "negative prompt: dog");
  EXPECT_EQ(Reader(text_of("a Negative prompt: dog", "a")).prompt, "a Negative prompt: dog");
}

}  // namespace
}  // namespace forgedit
