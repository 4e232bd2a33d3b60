#include "forgedit/core/json.h"
#include "tests/jobs/job_fixture.h"
#include "tests/support/tiny_clip.h"

namespace forgedit {
namespace {

class AutoJobs : public testing::JobTest {};

TEST_F(AutoJobs, TheChoiceStaysInItsBudget) {
  testing::write_tiny_clip(folder_ / "clip");
  auto job = edit_job("out");
  job.sweep.gamma.reset();
  job.automatic = AutoRequest();
  job.automatic->pictures = 5;
  job.automatic->judge.clip = (folder_ / "clip").string();
  const auto told = run(job);
  EXPECT_EQ(told.entries.size(), 6U) << "and the reconstruction";
  EXPECT_EQ(told.notes_with("the best of 5 candidates for \"a red square\""), 1U);
  const auto record = read_json_object(folder_ / "out/edit.json");
  EXPECT_EQ(record.at("complete"), true);
  EXPECT_EQ(record.at("auto").at("targets").size(), 1U);
  EXPECT_TRUE(told.has("file chart.png"));
  const auto before = contents(folder_ / "out");
  const auto again = run(job);
  EXPECT_TRUE(again.entries.empty());
  EXPECT_EQ(contents(folder_ / "out"), before);
}

TEST_F(AutoJobs, WithoutAClipModelTheDiffusionModelJudges) {
  auto job = edit_job("out");
  job.sweep.gamma.reset();
  job.automatic = AutoRequest();
  job.automatic->pictures = 3;
  const auto told = run(job);
  EXPECT_EQ(told.notes_with("no CLIP model was found"), 1U);
  const auto record = read_json_object(folder_ / "out/edit.json");
  EXPECT_EQ(record.at("auto").at("targets").at(0).at("edit"), "diffusion classifier");
  EXPECT_TRUE(record.at("auto").at("clip").is_null());
  EXPECT_EQ(record.at("auto").at("targets").at(0).at("best").size(), 3U);
  job.learn.options = published_options(LearnMethod::imagic);
  job.learn.source.clear();
  EXPECT_EQ(testing::field_of([&] { run(job); }), "clip") << "the caption is the target";
}

}  // namespace
}  // namespace forgedit
