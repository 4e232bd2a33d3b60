#include "forgedit/pipelines/records/settings_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace forgedit {
namespace {

TEST(SettingsJson, FastIsKeptInRecordsAndNotNamedElse) {
  LearnOptions o;
  EXPECT_FALSE(to_json(o).contains("fast")) << "records from before there was this stay equal";
  EXPECT_FALSE(learn_options_from_json("x", to_json(o)).fast);
  o.fast = true;
  EXPECT_TRUE(learn_options_from_json("x", to_json(o)).fast);
}

TEST(SettingsJson, AdaptersAreKeptInRecordsAndNotNamedElse) {
  LearnOptions o;
  for (const char* key : {"learn", "lora_rank", "lora_alpha"}) EXPECT_FALSE(to_json(o).contains(key)) << key;
  set_tuning(o, Tuning::lora);
  EXPECT_EQ(to_json(o)["lora_alpha"], 16) << "the rank, where nothing else was asked for";
  auto again = learn_options_from_json("x", to_json(o));
  EXPECT_EQ(again.tuning, Tuning::lora);
  EXPECT_EQ(again.lora_rank, 16);
  EXPECT_EQ(to_json(again), to_json(o)) << "0 and the rank are the same alpha";
}

}  // namespace
}  // namespace forgedit
