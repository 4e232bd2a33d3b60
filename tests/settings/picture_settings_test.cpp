#include "forgedit/settings/picture_settings.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace forgedit {
namespace {

using nlohmann::json;

json settings() {
  return json::parse(R"({"source": "a dog", "picture": {"content": "c"}, "model": {"fingerprint": "f"},
    "learning": {"method": "vanilla", "samples": 4, "seed": 1}, "drawing": {"blend": 0.5, "batch": "auto"},
    "edit": {"kind": "edit", "seed": 2, "target": "a cat", "strategy": "noencoder", "gamma": 0.8}})");
}

PngText texts(const json& object) {
  return {{"forgedit", object.dump()}};
}

// "auto" is what the program writes where nobody chose how many images are generated together.
TEST(PictureSettings, ABatchIsANumberOrAuto) {
  EXPECT_EQ(edit_settings(texts(settings())), settings());
  auto other = settings();
  other["drawing"]["batch"] = "many";
  EXPECT_THROW(edit_settings(texts(other)), SettingsError);
}

TEST(PictureSettings, GiveTheSameEditFromWhatWasLearnedAndFromThePicture) {
  const auto draw = request_to_draw_again(settings());
  EXPECT_EQ(draw,
            json::parse(R"({"kind": "draw", "seed": 2, "target": "a cat", "forget": "noencoder", "gamma": 0.8,
                                  "blend": 0.5})"));
  const auto learn = request_to_learn_again(settings());
  EXPECT_EQ(learn.at("kind"), "edit");
  EXPECT_EQ(learn.at("seeds"), json({1, 2}));
  EXPECT_EQ(learn.at("samples"), 4);
  EXPECT_EQ(learn.at("forget"), "noencoder");
}

TEST(PictureSettings, TellWhatWasLearnedOtherwise) {
  const json info{{"source", "a dog"},
                  {"content", "c"},
                  {"model", {{"fingerprint", "f"}}},
                  {"learning", settings()["learning"]}};
  EXPECT_TRUE(is_learned_by(info, settings()));
  for (const auto* place : {"/source", "/content", "/model/fingerprint", "/learning/seed"}) {
    auto other = info;
    other[json::json_pointer(place)] = "x";
    EXPECT_FALSE(is_learned_by(other, settings())) << place;
  }
}

}  // namespace
}  // namespace forgedit
