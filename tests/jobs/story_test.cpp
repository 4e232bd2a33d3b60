#include "forgedit/jobs/story.h"

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

class Story : public testing::TemporaryFolder {
 protected:
  std::vector<EditRequest> read(const std::string& text) {
    std::ofstream(folder_ / "story.txt", std::ios::binary) << text;
    EditRequest base;
    base.gammas = {0.5, 0.6};
    base.seeds = {7};
    return requests_of_story(read_story(folder_ / "story.txt"), base);
  }
  /// The message, which must name file and line.
  std::string refusal(const std::string& text, int line) {
    const auto message = message_of([&] { read(text); });
    EXPECT_TRUE(contains(message, "story.txt:" + std::to_string(line) + ": ")) << message;
    return message;
  }
};

TEST_F(Story, LinesAreTargetsOverTheBase) {
  const auto story = read("\xEF\xBB\xBF# a title\n\n  a dog on a beach \r\na cat\n   \n# end");
  ASSERT_EQ(story.size(), 2U);
  EXPECT_EQ(story[0].targets, std::vector<std::string>{"a dog on a beach"});
  EXPECT_EQ(story[1].targets, std::vector<std::string>{"a cat"});
  EXPECT_EQ(story[1].gammas, (std::vector<double>{0.5, 0.6}));
  EXPECT_EQ(story[1].seeds, std::vector<std::uint64_t>{7});
}

TEST_F(Story, JsonLinesHaveTheirOwnSettings) {
  const auto story = read(
      R"({"target": "a dog", "gamma": [0.7, 0.8], "forget": ["noencoder", "orig"], "seeds": [1, 2]})"
      "\na cat\n"
      R"({"target": "a bird", "interpolation": "vp", "alpha": 1.1, "beta": [1.2], "seed": 3, "steps": 20, "guidance": 5})");
  ASSERT_EQ(story.size(), 3U);
  EXPECT_EQ(story[0].gammas, (std::vector<double>{0.7, 0.8}));
  EXPECT_EQ(story[0].strategies, (std::vector<std::string>{"noencoder", "orig"}));
  EXPECT_EQ(story[0].seeds, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(story[1].gammas, (std::vector<double>{0.5, 0.6})) << "one line's settings end with it";
  EXPECT_EQ(story[2].interpolation, Interpolation::vector_projection);
  EXPECT_EQ(story[2].alphas, std::vector<double>{1.1});
  EXPECT_EQ(story[2].betas, std::vector<double>{1.2});
  EXPECT_EQ(story[2].seeds, std::vector<std::uint64_t>{3});
  EXPECT_EQ(story[2].sample.steps, 20);
  EXPECT_EQ(story[2].sample.guidance_scale, 5);
}

TEST_F(Story, ALineIsWhatItSays) {
  for (const std::string line : {"[a dog, a cat]", "[]", "\"a dog\"", "'a dog'", "a dog, \\n brown", "++",
                                 "--source", "-", "(a dog:1.2)", "a # dog"}) {
    EXPECT_EQ(read(line).front().targets, std::vector<std::string>{line});
  }
  EXPECT_EQ(read(R"({"target": " a dog\nbrown "})").front().targets,
            std::vector<std::string>{" a dog\nbrown "});
  EXPECT_EQ(story_lines("a dog\n", "standard input").size(), 1U);
}

TEST_F(Story, StepsAreLimitedAsTheOptionIs) {
  EXPECT_EQ(read(R"({"target": "a", "steps": 999})").front().sample.steps, kMaxSteps);
  EXPECT_TRUE(contains(refusal(R"({"target": "a", "steps": 1000})", 1), "from 1 to 999"));
}

TEST_F(Story, MessagesRepeatLittleOfALongLine) {
  const std::string key(100'000, 'k');
  EXPECT_LT(refusal("{\"target\": \"a\", \"" + key + "\": 1}", 1).size(), 500U);
  EXPECT_LT(refusal("{\"target\": \"a\", \"forget\": \"" + key + "\"}", 1).size(), 1200U);
}

TEST_F(Story, RefusesWithFileLineAndKey) {
  EXPECT_TRUE(contains(refusal("a dog\n\n{\"target\": \"a\", \"gama\": 1}", 3),
                       "gama: unknown key; did you mean 'gamma'?"));
  EXPECT_TRUE(contains(refusal("{\"gamma\": 1}", 1), "target: give the prompt of the edit"));
  EXPECT_TRUE(contains(refusal("{\"target\": \" \"}", 1), "empty"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"gamma\": \"big\"}", 1), "gamma: expected"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"gamma\": [1, \"2\"]}", 1), "gamma: expected"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"gamma\": []}", 1), "at least one"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"beta\": 1}", 1), "beta: needs interpolation vp"));
  EXPECT_TRUE(
      contains(refusal("{\"target\": \"a\", \"interpolation\": \"vq\"}", 1), "interpolation: unknown"));
  EXPECT_TRUE(
      contains(refusal("{\"target\": \"a\", \"forget\": \"all\"}", 1), "unknown forgetting strategy 'all'"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"seed\": -1}", 1), "seed"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"seed\": 1, \"seeds\": [2]}", 1),
                       "seed: is another name of seeds, which is there too"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"steps\": 0}", 1), "steps"));
  EXPECT_TRUE(contains(refusal("{\"target\": \"a\", \"guidance\": -1}", 1), "guidance"));
  EXPECT_TRUE(contains(refusal("a\n{\"target\": \"a\"", 2), "one JSON object"));
  EXPECT_TRUE(contains(refusal("a\n{\"target\": \"a\"} {}", 2), "one JSON object"));
  for (const std::string target : {"a \x01 dog", "a \xff dog", "a \xc3", "{\"target\": \"a \\u0000 dog\"}"}) {
    EXPECT_TRUE(contains(refusal("a cat\n" + target + "\n", 2), "not valid text")) << target;
  }
  EXPECT_EQ(read("ein Hündchen\tläuft\n").size(), 1U);
  EXPECT_TRUE(contains(message_of([&] { read("# nothing\n\n"); }), "at least one line with a target"));
}

}  // namespace
}  // namespace forgedit
