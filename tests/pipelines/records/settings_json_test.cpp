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

}  // namespace
}  // namespace forgedit
