#include "forgedit/pipelines/records/model_defaults.h"

#include "forgedit/core/files.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

class ModelDefaultsTest : public testing::TemporaryFolder {
 protected:
  ModelDefaults read(const std::string& text) {
    write_file_atomically(folder_ / kModelDefaultsFile, text);
    return read_model_defaults(folder_);
  }
};

TEST_F(ModelDefaultsTest, AFolderWithoutTheFileHasNone) {
  EXPECT_TRUE(read_model_defaults(folder_).empty());
  EXPECT_TRUE(read_model_defaults(folder_ / "model.safetensors").empty());
}

TEST_F(ModelDefaultsTest, ReadsAllParts) {
  const auto defaults =
      read(R"({"format": 1, "learning": {"samples": 900, "unet_lr": 2e-4, "stop_known": 0.95,
      "stratified_timesteps": true}, "sampling": {"steps": 20, "guidance_scale": 3.5}})");
  EXPECT_EQ(defaults.learning,
            (std::map<std::string, double>{{"samples", 900}, {"stop_known", 0.95}, {"unet_lr", 2e-4}}));
  EXPECT_EQ(defaults.stratified_timesteps, true);
  EXPECT_EQ(defaults.steps, 20);
  EXPECT_EQ(defaults.guidance_scale, 3.5);
  EXPECT_EQ(defaults_text(defaults),
            (std::vector<std::string>{
                "learning: samples 900, stop_known 0.95, unet_lr 0.0002, stratified_timesteps true",
                "sampling: steps 20, guidance_scale 3.5"}));
}

TEST_F(ModelDefaultsTest, TheMiniaturesAreInRange) {
  EXPECT_FALSE(
      read_model_defaults(std::filesystem::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model").empty());
}

TEST_F(ModelDefaultsTest, WhatItDoesNotKnowIsNamed) {
  const auto complaint = [&](const std::string& text) { return message_of([&] { read(text); }); };
  const auto file = (folder_ / kModelDefaultsFile).string();
  EXPECT_EQ(complaint(R"({"format": 1, "learning": {"unet_rl": 1}})"),
            file + ": learning: unet_rl: no such setting; did you mean 'unet_lr'?");
  EXPECT_EQ(complaint(R"({"format": 1, "samplings": {}})"),
            file + ": samplings: no such setting; did you mean 'sampling'?");
  EXPECT_EQ(complaint(R"({"format": 1, "learning": {"samples": 1.5}})"),
            file + ": learning: samples: expected a whole number from 1 to 1e+06, found 1.5");
  EXPECT_EQ(complaint(R"({"format": 1, "sampling": {"steps": 0}})"),
            file + ": sampling: steps: expected a whole number from 1 to 999, found 0");
  EXPECT_TRUE(contains(complaint(R"({"format": 2})"), "format"));
  EXPECT_TRUE(contains(complaint(R"({"learning": {}})"), "format"));
  EXPECT_EQ(complaint(R"({"format": 1, "learning": 3})"), file + ": learning: expected an object");
  EXPECT_TRUE(contains(complaint(R"({"format": 1, "sampling": {"steps": "many"}})"), "steps"));
}

}  // namespace
}  // namespace forgedit
