#include "forgedit/batch/batch_list.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

using nlohmann::json;
using testing::contains;
using testing::message_of;

class BatchListTest : public testing::JobTest {
 protected:
  BatchList read(const std::string& text, const EditJob& defaults = {}) const {
    return read_batch_list(text, "list", folder_, defaults);
  }
  std::string complaint(const std::string& text) const {
    return message_of([&] { read(text); });
  }
};

const std::string kDog = R"({"image": "square.png", "source": "a square", "target": "a dog"})";

TEST_F(BatchListTest, LinesChangeTheDefaults) {
  EditJob defaults;
  defaults.sweep.gamma = {0.7};
  defaults.sweep.steps = 9;
  defaults.learn.source = "a square";
  const auto list = read(R"({"image": "square.png", "target": "a dog"}
{"picture": "square.png", "targets": ["a cat", "a cow"], "gamma": [1.0, 1.2], "id": "both", "source": "a thing"})",
                         defaults);
  ASSERT_EQ(list.edits.size(), 2U);
  EXPECT_EQ(*list.edits[0].job.sweep.gamma, std::vector<double>{0.7});
  EXPECT_EQ(list.edits[0].job.learn.source, "a square");
  EXPECT_TRUE(contains(list.edits[0].id, "a-dog-"));
  EXPECT_EQ(list.edits[1].id, "both");
  EXPECT_EQ(*list.edits[1].job.sweep.gamma, (std::vector<double>{1.0, 1.2}));
  EXPECT_EQ(*list.edits[1].job.sweep.steps, 9);
  EXPECT_EQ(list.edits[1].images, 5U);
  EXPECT_EQ(list.images(), 7U);
}

TEST_F(BatchListTest, EditsThatLearnAlikeAreOneUnit) {
  const auto list =
      read(kDog + "\n" + R"({"image": "square.png", "source": "a thing", "target": "a dog"})" + "\n" +
           R"({"image": "square.png", "source": "a square", "target": "a cat", "steps": 3})" + "\n" +
           R"({"image": "square.png", "source": "a square", "target": "a cat", "samples": 40})");
  ASSERT_EQ(list.units.size(), 3U);
  EXPECT_EQ(list.units[0].edits, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(list.units[0].name, list.edits[0].id);
}

TEST_F(BatchListTest, LargeUnitsAreSplit) {
  std::string text;
  for (int i = 0; i < 3; ++i) {
    text += json{{"image", "square.png"},
                 {"source", "a square"},
                 {"target", "a dog " + std::to_string(i)},
                 {"gamma", "0.01:1.99:0.01"}}
                .dump() +
            "\n";
  }
  const auto list = read(text);
  ASSERT_EQ(list.units.size(), 3U);
  std::set<std::string> names;
  for (const auto& unit : list.units) names.insert(unit.name);
  EXPECT_EQ(names.size(), 3U);
}

TEST_F(BatchListTest, AnIdentityIsTheRequestAndItsPicture) {
  const auto before = read(kDog).edits[0];
  EXPECT_EQ(read(kDog).edits[0].identity, before.identity);
  EXPECT_NE(read(R"({"image": "square.png", "source": "a square", "target": "a dog", "seeds": 1})")
                .edits[0]
                .identity,
            before.identity);
  write_png(folder_ / "square.png", Image(41, 40));
  EXPECT_NE(read(kDog).edits[0].identity, before.identity);
}

TEST_F(BatchListTest, ALineOfItGivesTheSameEditFromEverywhere) {
  const auto edit = read(kDog).edits[0];
  const auto again = read_batch_list(edit.line, "failed.jsonl", "/", {}).edits[0];
  EXPECT_EQ(again.id, edit.id);
  EXPECT_EQ(again.identity, edit.identity);
}

TEST_F(BatchListTest, NamesLineAndKeyOfAMistake) {
  EXPECT_TRUE(contains(complaint(kDog + "\n" + R"({"image": "square.png", "target": "x", "gama": 1})"),
                       "list:2: gama: "));
  EXPECT_TRUE(contains(complaint(R"({"image": "missing.png", "target": "x"})"), "missing.png: no such file"));
  EXPECT_TRUE(
      contains(complaint(R"({"image": "square.png"})"), "list:1: target: give the prompt of the edit"));
  EXPECT_TRUE(contains(complaint(R"({"target": "x"})"), "list:1: picture: "));
  EXPECT_TRUE(contains(complaint(R"({"from": "square.png", "target": "x"})"), "list:1: from: "));
  EXPECT_TRUE(contains(complaint(kDog + "\n" + kDog), "is already used in list:1"));
  EXPECT_TRUE(
      contains(complaint(R"({"image": "square.png", "target": "x", "id": "../up"})"), "list:1: id: "));
  EXPECT_TRUE(
      contains(complaint(R"({"image": "square.png", "target": "x", "kind": "learn"})"), "list:1: kind: "));
  EXPECT_TRUE(
      contains(complaint(R"({"image": "square.png", "target": "x", "version": 2})"), "list:1: version: "));
}

}  // namespace
}  // namespace forgedit
