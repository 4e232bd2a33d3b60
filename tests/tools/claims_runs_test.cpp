#include "tools/claims/runs.h"

#include "forgedit/core/files.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

class ClaimsRuns : public testing::TemporaryFolder {
 protected:
  RunPicture read(const std::string& fields) {
    write_file_atomically(folder_ / "scores.json",
                          R"({"edits": [{"id": "1", "state": "done", "learn_seconds": 2,
      "pictures": [{"candidate": true, "scores": {"right": 1}, )" +
                              fields + "}]}]}");
    return read_run(folder_).edits.at(0).pictures.at(0);
  }
};

TEST_F(ClaimsRuns, SettingsAreReadAsData) {
  const auto vs =
      read(R"("setting": "any words", "strategy": "encoderkv", "interpolation": "vs", "gamma": 0.8)");
  EXPECT_EQ(vs.strategy, "encoderkv");
  EXPECT_EQ(vs.alpha, 0);
  EXPECT_EQ(vs.strength, 0.8);
  const auto vp =
      read(R"("setting": "", "strategy": "donotforget", "interpolation": "vp", "alpha": 0.9, "beta": 1.2)");
  EXPECT_EQ(vp.alpha, 0.9);
  EXPECT_EQ(vp.strength, 1.2);
}

TEST_F(ClaimsRuns, EarlierVersionsHaveOnlyTheSettingsName) {
  const auto vp = read(R"("setting": "encoderkv α 0.9  β 1.2")");
  EXPECT_EQ(vp.strategy, "encoderkv");
  EXPECT_EQ(vp.alpha, 0.9);
  EXPECT_EQ(vp.strength, 1.2);
  EXPECT_EQ(read(R"("setting": "donotforget γ 1.4")").strength, 1.4);
  const auto none = read(R"("file": "reconstruction.png")");
  EXPECT_EQ(none.strategy, "");
  EXPECT_EQ(none.strength, -1);
}

}  // namespace
}  // namespace forgedit
