#include "forgedit/jobs/safety.h"

#include "forgedit/core/json.h"
#include "forgedit/io/pictures/png_text.h"
#include "tests/jobs/job_fixture.h"
#include "tests/support/page_data.h"
#include "tests/support/tiny_safety_checker.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::kFirst;
using testing::kSecond;
using testing::RecordingListener;

/// Edits with the tiny Stable Diffusion and a safety checker of its own.
class Safety : public testing::JobTest {
 protected:
  Safety() { fs::copy(tiny_model().model, model_, fs::copy_options::recursive); }

  void flag_over(double threshold) { testing::write_tiny_safety_checker(model_, threshold); }
  RecordingListener edited(SafetyMode mode, const std::string& out = "out") {
    auto request = tiny_model();
    request.model = model_.string();
    Engine engine(places(), {request});
    auto job = edit_job(out);
    job.safety = mode;
    RecordingListener told;
    run(engine, job, told);
    return told;
  }
  json record() const { return read_json_object(folder_ / "out/edit.json"); }
  /// A threshold between the cosines of the two edits.
  double between_the_edits() {
    flag_over(-1);
    edited(SafetyMode::report, "both");
    const auto pictures = read_json_object(folder_ / "both/edit.json").at("pictures");
    const double first = pictures[1].at("safety").at("score"), second = pictures[2].at("safety").at("score");
    EXPECT_GT(std::abs(first - second), 0.002) << "the tiny model's edits look too much alike for this test";
    return -1 + (first + second) / 2;
  }

  fs::path model_ = folder_ / "model";
};

TEST_F(Safety, AModelWithoutACheckerIsAUsageErrorBeforeAnyWork) {
  RecordingListener told;
  auto job = edit_job("out");
  job.safety = SafetyMode::report;
  auto engine = this->engine();
  try {
    run(engine, job, told);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_EQ(error.field(), "safety");
    EXPECT_TRUE(contains(error.what(), "tiny-sd: has no safety checker")) << error.what();
  }
  EXPECT_FALSE(engine.is_loaded());
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Safety, NobodyAsksTheCheckerUnasked) {
  flag_over(-1);
  edited(SafetyMode::off);
  EXPECT_FALSE(contains(record().dump(), "safety"));
  EXPECT_EQ(record().at("pictures").size(), 3U);
}

TEST_F(Safety, AReportIsInRecordAndPictures) {
  flag_over(-1);
  const auto told = edited(SafetyMode::report);
  EXPECT_EQ(told.warnings.size(), 3U) << "the reconstruction too";
  EXPECT_TRUE(
      contains(told.warnings.back(), kSecond + ".png is flagged by the safety checker (concept 0, score "));
  const auto made = record();
  EXPECT_EQ(made.at("complete"), true);
  for (const auto& picture : made.at("pictures")) {
    EXPECT_EQ(picture.at("safety").at("flagged"), true);
    const auto text = read_png_text(folder_ / "out" / picture.at("file").get<std::string>()).back().second;
    EXPECT_EQ(json::parse(text).at("safety"), picture.at("safety"));
  }
  EXPECT_EQ(testing::data_of_page(read_file(folder_ / "out/report.html")).at("pictures").size(), 3U);
  EXPECT_EQ(told.entries.back().at("safety").at("flagged"), true);

  flag_over(1);
  EXPECT_TRUE(edited(SafetyMode::report, "fine").warnings.empty());
  const auto fine = read_json_object(folder_ / "fine/edit.json");
  EXPECT_EQ(fine.at("pictures")[0].at("safety").at("flagged"), false);
}

TEST_F(Safety, WhatIsFlaggedIsWithheldAndRecorded) {
  flag_over(between_the_edits());
  const auto told = edited(SafetyMode::withhold);
  std::vector<std::string> withheld, shown;
  for (const auto& picture : record().at("pictures")) {
    const auto file = picture.at("file").get<std::string>();
    const bool gone = picture.value("withheld", false);
    (gone ? withheld : shown).push_back(file);
    EXPECT_EQ(picture.at("safety").at("flagged"), gone);
    EXPECT_EQ(fs::exists(folder_ / "out" / file), !gone);
    EXPECT_EQ(told.has("picture " + fs::path(file).stem().string()), !gone);
  }
  EXPECT_GE(withheld.size(), 1U);
  EXPECT_GE(shown.size(), 1U);
  ASSERT_EQ(told.warnings.size(), withheld.size());
  EXPECT_TRUE(contains(told.warnings.back(), "withheld: it is not written"));
  EXPECT_EQ(record().at("complete"), true);
  const auto page = testing::data_of_page(read_file(folder_ / "out/report.html"));
  EXPECT_EQ(page.at("pictures").size(), shown.size());
  EXPECT_EQ(page.at("withheld"), withheld.size());
}

TEST_F(Safety, ASecondRunWithholdsTheSameWithoutGeneratingIt) {
  flag_over(between_the_edits());
  edited(SafetyMode::withhold);
  const auto before = contents(folder_ / "out");
  const auto told = edited(SafetyMode::withhold);
  EXPECT_TRUE(told.steps.empty());
  EXPECT_EQ(told.notes_with("were withheld before and stay so"), 1U);
  EXPECT_EQ(contents(folder_ / "out"), before);
}

TEST_F(Safety, PicturesOfARunThatAskedNobodyAreNotTakenOver) {
  flag_over(-1);
  edited(SafetyMode::off);
  const auto told = edited(SafetyMode::report);
  EXPECT_FALSE(told.steps.empty());
  EXPECT_EQ(told.warnings.size(), 3U);
}

TEST_F(Safety, ModesHaveNames) {
  EXPECT_EQ(parse_safety_mode("withhold"), SafetyMode::withhold);
  EXPECT_TRUE(contains(testing::message_of([] { parse_safety_mode("withold"); }), "did you mean 'withhold'"));
}

}  // namespace
}  // namespace forgedit
