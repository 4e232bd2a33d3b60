#include "forgedit/batch/list_lines.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;
using testing::contains;
using testing::message_of;

TEST(ListLines, ReadsJsonLines) {
  const auto lines = read_list_lines(
      "\xEF\xBB\xBF{\"image\": \"a.png\", \"target\": \"one\"}\r\n\n# a remark\n{\"target\": \"two\"}",
      "list.jsonl");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].origin, "list.jsonl:1");
  EXPECT_EQ(*lines[0].keys, (json{{"image", "a.png"}, {"target", "one"}}));
  EXPECT_EQ(lines[1].origin, "list.jsonl:4");
}

TEST(ListLines, ReadsATable) {
  const auto lines = read_list_lines(
      "id,image,target,gamma,seeds,unlearned,steps\r\n1,a.png,\"a dog, running\",\"0.8,1.0\",3,true,20\r\n"
      "2,b.png,7,,\"[1, 2]\",,\r\n",
      "list.csv");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].origin, "list.csv:2");
  EXPECT_EQ(*lines[0].keys, (json{{"id", "1"},
                                  {"image", "a.png"},
                                  {"target", "a dog, running"},
                                  {"gamma", "0.8,1.0"},
                                  {"seeds", 3},
                                  {"unlearned", true},
                                  {"steps", 20}}));
  EXPECT_EQ(*lines[1].keys, (json{{"id", "2"}, {"image", "b.png"}, {"target", "7"}, {"seeds", {1, 2}}}));
}

std::string complaint(const std::string& text) {
  return message_of([&] { read_list_lines(text, "list"); });
}

TEST(ListLines, NamesTheLineOfAMistake) {
  const std::string good = "{\"target\": \"one\"}\n";
  EXPECT_TRUE(contains(complaint(good + "{\"target\": "), "list:2: expected one JSON object"));
  EXPECT_TRUE(contains(complaint(good + "\"two\"\n"), "list:2: expected one JSON object"));
  EXPECT_TRUE(contains(complaint("{\"gamma\": 1, \"gamma\": 2}\n"), "list:1: gamma: duplicate key"));
  EXPECT_TRUE(
      contains(complaint(good + "{\"a\": \"" + std::string(kMaxListLine, 'x') + "\"}"), "list:2: a line of"));
  EXPECT_TRUE(contains(complaint("image,image\na,b\n"), "list:1: duplicate key"));
  EXPECT_TRUE(
      contains(complaint("image,target\na,b\nc\n"), "list:3: expected 2 cells as in the first line, got 1"));
  EXPECT_TRUE(contains(complaint("image,target\na,\"b\n"), "list:2: misplaced quote"));
}

TEST(ListLines, NeedsAnEdit) {
  EXPECT_TRUE(contains(complaint(""), "expected at least one line with an edit"));
  EXPECT_TRUE(contains(complaint("image,target\n"), "expected at least one line with an edit"));
  EXPECT_TRUE(contains(complaint("[{\"target\": \"one\"}]"), "found a JSON list"));
}

}  // namespace
}  // namespace forgedit
