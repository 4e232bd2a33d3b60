#include "forgedit/jobs/presets.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

class Presets : public testing::TemporaryFolder {
 protected:
  std::vector<UserPreset> read(const std::string& text) {
    write_file_atomically(folder_ / "presets.json", text);
    return read_presets(folder_ / "presets.json", {"published"});
  }
  using Settings = std::vector<std::pair<std::string, std::vector<std::string>>>;
};

TEST_F(Presets, AreOptionsAsTyped) {
  const auto presets =
      read(R"({"b": {"unet_lr": 1e-5, "gamma": [0.8, 1], "seed": "3:5", "size": 512, "learn": null,
    "forget": ["a", "b"], "fast": true, "unlearned": false, "stratified_timesteps": false, "metadata": false,
    "auto": {"pictures": 8, "lpips": ["x", "y"]}}, "a": {"auto": false, "metadata": true}})");
  ASSERT_EQ(presets.size(), 2U);
  EXPECT_EQ(presets[0].name, "a");
  EXPECT_TRUE(presets[0].settings.empty());
  EXPECT_EQ(presets[1].first_seed, 3U);
  EXPECT_EQ(presets[1].settings, (Settings{{"auto", {"true"}},
                                           {"lpips", {"x", "y"}},
                                           {"auto_pictures", {"8"}},
                                           {"fast", {"true"}},
                                           {"forget", {"a,b"}},
                                           {"gamma", {"0.8,1"}},
                                           {"no_metadata", {"true"}},
                                           {"seeds", {"3:5"}},
                                           {"size", {"512"}},
                                           {"stratified_timesteps", {"false"}},
                                           {"unet_lr", {"1e-05"}}}));
}

TEST_F(Presets, NoFileHasNone) {
  EXPECT_TRUE(read_presets(folder_ / "none.json", {}).empty());
  EXPECT_TRUE(read_presets({}, {}).empty());
}

TEST_F(Presets, WhatIsWrongIsNamedWithFileAndKey) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"p": {"mask": "m.png"}})", "presets.json: p.mask: is not accepted here"},
      {R"({"p": {"picture": "p.png"}})", "presets.json: p.picture: unknown key"},
      {R"({"p": {"preset": "story"}})", "presets.json: p.preset: unknown key"},
      {R"({"p": {"sampler": "ddi"}})", "presets.json: p.sampler: "},
      {R"({"p": {"steps": 3, "steps": 4}})", "presets.json: steps: duplicate key"},
      {R"({"published": {}})", "presets.json: published: is a preset of the program"},
      {R"({"": {}})", "presets.json: expected the name of a preset"},
      {R"({"p": {"gamma": [[[[[[[[[[1]]]]]]]]]]}})", "presets.json: nested too deep"},
      {"\xff", "presets.json: not valid JSON: parse error"},
  };
  for (const auto& [text, message] : wrong) {
    EXPECT_TRUE(contains(message_of([&, text = text] { read(text); }), message)) << text;
  }
}

}  // namespace
}  // namespace forgedit
