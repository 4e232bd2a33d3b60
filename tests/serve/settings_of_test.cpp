#include "forgedit/serve/settings_of.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/serve/http.h"

namespace forgedit {
namespace {

using nlohmann::json;

json settings() {
  return json::parse(R"({"source":"a dog","picture":{"name":"dog.png","content":"c","background":"#ffffff",
    "stretched":true,"frame":{"grid_width":64,"grid_height":96}},
    "model":{"name":"m","fingerprint":"f"},"learning":{"method":"vanilla","samples":4,"embedding_samples":0,"seed":1},
    "drawing":{"blend":0.5,"batch":1,"output_size":"source"},
    "edit":{"kind":"edit","seed":2,"sampler":"ddim","steps":4,"guidance":7.5,"target":"a cat",
            "strategy":"donotforget","interpolation":"vs","gamma":0.8}})");
}

PngText texts(const json& object) {
  return {{"parameters", "for people"}, {"forgedit", object.dump()}};
}

SettingsHere with_learned(const json& info) {
  StoredLearned learned;
  learned.id = "l";
  learned.picture = "p";
  learned.info = info.dump();
  return {{learned}, "m"};
}

TEST(SettingsOf, WithoutItsLearnedPictureItIsAnEdit) {
  const auto told = request_to_generate_again(texts(settings()), {{}, "other"});
  EXPECT_EQ(told.at("request"), json::parse(R"({"kind":"edit","source":"a dog","target":"a cat","seeds":[1,2],
    "method":"vanilla","samples":4,"stop_known":0,"lr_decay":0,"snr_gamma":0,"stratified_timesteps":false,"background":"#ffffff","size":"64x96","output_size":"source","blend":0.5,
    "forget":"donotforget","interpolation":"vs","gamma":0.8,"sampler":"ddim","steps":4,"guidance":7.5})"));
  EXPECT_EQ(told.at("model_here"), false);
  EXPECT_EQ(told.at("unknown"), json({"model m", "picture dog.png"}));
}

TEST(SettingsOf, WithItsLearnedPictureItIsADraw) {
  json info{{"source", "a dog"},
            {"content", "c"},
            {"model", {{"fingerprint", "f"}}},
            {"learning", settings()["learning"]}};
  auto told = request_to_generate_again(texts(settings()), with_learned(info));
  EXPECT_EQ(told.at("request").at("kind"), "draw");
  EXPECT_EQ(told.at("learned_here"), "l");
  EXPECT_EQ(told.at("request").at("seed"), 2);
  EXPECT_FALSE(told.at("request").contains("samples"));
  EXPECT_TRUE(told.at("unknown").empty());
  info["source"] = "a cat";
  told = request_to_generate_again(texts(settings()), with_learned(info));
  EXPECT_EQ(told.at("learned_here"), nullptr) << "learned otherwise";
  EXPECT_EQ(told.at("request").at("picture"), "p") << "but of the same picture";
}

TEST(SettingsOf, WhatAPictureWasLearnedByIsAskedForWhateverTheModelsDefaultsAre) {
  auto learned = settings();
  learned["learning"].update({{"stop_known", 0.97}, {"stratified_timesteps", true}});
  const auto request = request_to_generate_again(texts(learned), {}).at("request");
  EXPECT_EQ(request.at("stop_known"), 0.97);
  EXPECT_EQ(request.at("stratified_timesteps"), true);
  EXPECT_EQ(request.at("lr_decay"), 0);
}

TEST(SettingsOf, AMaskIsNotInThePictureAndNamed) {
  auto masked = settings();
  masked["drawing"]["mask"] = "0123456789abcdef";
  EXPECT_EQ(request_to_generate_again(texts(masked), {{}, "m"}).at("unknown"),
            json({"picture dog.png", "the mask"}));
}

TEST(SettingsOf, ARegionIsAskedForAgainWhereThePictureIsLearned) {
  auto of_region = settings();
  of_region["drawing"].update({{"region", "1,2,30,40"}, {"photo", "0123456789abcdef"}});
  EXPECT_EQ(request_to_generate_again(texts(of_region), {{}, "m"}).at("request").at("region"), "1,2,30,40");
  const json info{{"source", "a dog"},
                  {"content", "c"},
                  {"model", {{"fingerprint", "f"}}},
                  {"learning", settings()["learning"]}};
  const auto told = request_to_generate_again(texts(of_region), with_learned(info));
  EXPECT_FALSE(told.at("request").contains("region"));
  EXPECT_EQ(told.at("unknown"), json({"the picture around the region"}));
  of_region["drawing"]["region"] = 7;
  EXPECT_THROW(request_to_generate_again(texts(of_region), {}), HttpError);
}

TEST(SettingsOf, WhatKeepsThePictureIsAskedForAgain) {
  auto kept = settings();
  kept["edit"].update({{"protect", true}, {"start", 0.8}});
  const auto request = request_to_generate_again(texts(kept), {}).at("request");
  EXPECT_EQ(request.at("protect"), true);
  EXPECT_EQ(request.at("start"), 0.8);
  kept["edit"]["protect"] = "yes";
  EXPECT_THROW(request_to_generate_again(texts(kept), {}), HttpError);
}

TEST(SettingsOf, ANegativePromptIsAskedForAgain) {
  auto with_negative = settings();
  with_negative["edit"]["negative"] = "blurry";
  EXPECT_EQ(request_to_generate_again(texts(with_negative), {}).at("request").at("negative"), "blurry");
}

// Whoever copies or writes it would go as deep with their stack.
TEST(SettingsOf, WhatIsNestedDeeplyIsNoSettings) {
  auto deep = settings().dump();
  deep.insert(1, "\"deep\":" + std::string(200'000, '[') + std::string(200'000, ']') + ",");
  try {
    request_to_generate_again({{"forgedit", deep}}, {});
    ADD_FAILURE() << "was taken";
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 422);
  }
}

// Anybody may have written them.
TEST(SettingsOf, AWrongKindOfValueIsRefused) {
  const json wrong[] = {nullptr, 7, "x", true, json::array({1}), json::object()};
  const auto values = settings().flatten();
  for (const auto& flat : values.items()) {
    for (const auto& value : wrong) {
      auto changed = settings();
      auto& place = changed[json::json_pointer(flat.key())];
      if (value.type() == place.type() || (value.is_number() && place.is_number())) continue;
      place = value;
      try {
        request_to_generate_again(texts(changed), with_learned({{"content", "c"}}));
        ADD_FAILURE() << flat.key() << " was taken as " << value;
      } catch (const HttpError& error) {
        EXPECT_EQ(error.status(), 422) << flat.key();
      }
    }
  }
  for (const auto* key : {"picture", "model", "learning", "drawing", "edit"}) {
    auto changed = settings();
    changed[key] = "x";
    EXPECT_THROW(request_to_generate_again(texts(changed), {}), HttpError) << key;
  }
  auto sly = settings();
  sly["learning"]["target"] = "another";
  EXPECT_EQ(request_to_generate_again(texts(sly), {}).at("request").at("target"), "a cat");
}

TEST(SettingsOf, OthersPicturesHaveNone) {
  for (const auto& wrong : {PngText{}, PngText{{"forgedit", "[1"}}, PngText{{"forgedit", "[]"}},
                            PngText{{"forgedit", "{\"edit\":7}"}}}) {
    EXPECT_THROW(request_to_generate_again(wrong, {}), HttpError);
  }
  auto reconstruction = settings();
  reconstruction["edit"]["kind"] = "reconstruction";
  EXPECT_THROW(request_to_generate_again(texts(reconstruction), {}), HttpError);
}

}  // namespace
}  // namespace forgedit
