#include "forgedit/jobs/safety.h"

#include <algorithm>
#include <map>
#include <set>

#include "forgedit/core/json.h"
#include "tests/jobs/job_fixture.h"
#include "tests/support/page_data.h"
#include "tests/support/tiny_clip.h"
#include "tests/support/tiny_safety_checker.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::kSecond;
using testing::RecordingListener;

/// Edits with the tiny Stable Diffusion, which has a safety checker of its own.
class Safety : public testing::JobTest {
 protected:
  Safety() { fs::copy(tiny_model().model, model_, fs::copy_options::recursive); }

  void flag_over(double threshold) { testing::write_tiny_safety_checker(model_, threshold); }
  RecordingListener edited(const EditJob& job) const {
    auto request = tiny_model();
    request.model = model_.string();
    Engine engine(places(), {request});
    RecordingListener listener;
    run(engine, job, listener);
    return listener;
  }
  RecordingListener edited(SafetyMode mode, const std::string& out = "out") const {
    auto job = edit_job(out);
    job.safety = mode;
    return edited(job);
  }
  json record(const std::string& out = "out") const { return read_json_object(folder_ / out / "edit.json"); }
  json page() const { return testing::data_of_page(read_file(folder_ / "out/report.html")); }

  /// The edits keep most of the picture, and the reconstruction of the tiny model does not.
  RecordingListener edited_with_mask(SafetyMode mode, const std::string& out = "out") const {
    Image mask(40, 40, {0, 0, 0});
    mask.pixels[0] = mask.pixels[1] = mask.pixels[2] = 255;
    write_png(folder_ / "mask.png", mask);
    auto job = edit_job(out);
    job.mask = folder_ / "mask.png";
    job.safety = mode;
    return edited(job);
  }
  /// Flags some of those three images, but not all. Returns the stems of the flagged ones, then of the
  /// others.
  std::pair<std::set<std::string>, std::set<std::string>> flag_some() {
    flag_over(-1);
    edited_with_mask(SafetyMode::report, "all");
    std::map<std::string, double> scores;
    const auto made = record("all");
    for (const auto& picture : made.at("pictures")) {
      scores[fs::path(picture.at("file").get<std::string>()).stem().string()] = picture["safety"]["score"];
    }
    const auto by_score = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [lowest, highest] = std::minmax_element(scores.begin(), scores.end(), by_score);
    EXPECT_GT(highest->second - lowest->second, 0.004)
        << "the images look too much alike for this test: " << made.at("pictures");
    const double between = (lowest->second + highest->second) / 2;
    flag_over(-1 + between);
    std::pair<std::set<std::string>, std::set<std::string>> stems;
    for (const auto& [stem, score] : scores) (score > between ? stems.first : stems.second).insert(stem);
    return stems;
  }
  /// Warnings of flagged images: the tiny model's reconstruction has one of its own.
  static std::vector<std::string> flags(const RecordingListener& told) {
    std::vector<std::string> result;
    for (const auto& text : told.warnings) {
      if (contains(text, "the safety checker flags ")) result.push_back(text);
    }
    return result;
  }

  fs::path model_ = folder_ / "model";
};

TEST_F(Safety, AModelWithoutACheckerIsAUsageErrorBeforeAnyWork) {
  for (const bool has_config : {false, true}) {
    if (has_config) {
      flag_over(0);
      fs::remove(safety_checker_folder(model_) / "model.safetensors");
    }
    auto request = tiny_model();
    request.model = model_.string();
    Engine engine(places(), {request});
    auto job = edit_job("out");
    job.safety = SafetyMode::report;
    RecordingListener listener;
    try {
      run(engine, job, listener);
      FAIL() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_EQ(error.field(), "safety");
      EXPECT_TRUE(contains(error.what(), "model: has no safety checker")) << error.what();
    }
    EXPECT_FALSE(engine.is_loaded());
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }
}

TEST_F(Safety, WithoutTheOptionNothingIsChecked) {
  flag_over(-1);
  const auto told = edited(SafetyMode::off);
  EXPECT_FALSE(contains(record().dump(), "safety"));
  EXPECT_EQ(record().at("pictures").size(), 3U);
  EXPECT_TRUE(flags(told).empty());
  EXPECT_EQ(told.notes_with("safety"), 0U);
}

TEST_F(Safety, OfAPhotoOnlyTheEditedRegionIsChecked) {
  flag_over(-1);
  auto job = edit_job("out");
  job.region = Region{4, 6, 24, 20};
  job.safety = SafetyMode::report;
  const auto scores = [&] {
    edited(job);
    std::vector<double> result;
    const auto made = record(job.out.filename().string());
    for (const auto& picture : made.at("pictures")) result.push_back(picture.at("safety").at("score"));
    return result;
  };
  const auto before = scores();
  EXPECT_EQ(before.size(), 3U);
  const auto photo = read_image(job.learn.picture);
  write_png(job.learn.picture,
            replaced(Image(photo.width, photo.height, {0, 0, 0}), cropped(photo, *job.region), *job.region));
  job.out = folder_ / "other";
  EXPECT_EQ(scores(), before);
}

TEST_F(Safety, AReportIsInRecordPageAndOutput) {
  flag_over(-1);
  const auto told = edited(SafetyMode::report);
  EXPECT_EQ(record().at("complete"), true);
  EXPECT_EQ(record().at("drawing").at("safety"), "report");
  const auto pictures = record().at("pictures");
  ASSERT_EQ(pictures.size(), 3U);
  for (const auto& picture : pictures) {
    EXPECT_EQ(picture.at("safety").at("flagged"), true);
    EXPECT_EQ(picture.at("safety").at("concepts"), json::array({0}));
    EXPECT_TRUE(fs::exists(folder_ / "out" / picture.at("file").get<std::string>()));
  }
  EXPECT_FALSE(record().contains("withheld"));
  const auto flagged = flags(told);
  ASSERT_EQ(flagged.size(), 3U) << "of the reconstruction too";
  EXPECT_TRUE(contains(flagged[2], "flags " + kSecond + ".png (concept 0, score ")) << flagged[2];
  EXPECT_EQ(told.notes_with("safety checker: 3 of 3 images flagged"), 1U);
  EXPECT_EQ(told.entries.back().at("safety").at("flagged"), true);
  EXPECT_EQ(page().at("pictures")[1].at("safety").at("flagged"), true);
  EXPECT_EQ(page().at("withheld"), 0);

  flag_over(1);
  const auto fine = edited(SafetyMode::report, "fine");
  EXPECT_TRUE(flags(fine).empty());
  EXPECT_EQ(fine.notes_with("safety checker: 0 of 3 images flagged"), 1U);
  EXPECT_EQ(record("fine").at("pictures")[0].at("safety").at("flagged"), false);
}

TEST_F(Safety, WhatIsFlaggedIsNotWritten) {
  const auto [flagged, fine] = flag_some();
  const auto told = edited_with_mask(SafetyMode::withhold);
  for (const auto& stem : flagged) {
    EXPECT_FALSE(fs::exists(folder_ / "out" / (stem + ".png")));
    EXPECT_FALSE(told.has("picture " + stem));
    EXPECT_FALSE(contains(record().at("pictures").dump(), stem));
  }
  for (const auto& stem : fine) {
    EXPECT_TRUE(fs::exists(folder_ / "out" / (stem + ".png")));
    EXPECT_TRUE(told.has("picture " + stem));
  }
  const auto withheld = record().at("withheld");
  EXPECT_EQ(withheld.size(), flagged.size());
  EXPECT_EQ(withheld.back().at("safety").at("flagged"), true);
  EXPECT_TRUE(withheld.back().contains("seed"));
  EXPECT_EQ(record().at("complete"), true);
  EXPECT_EQ(page().at("withheld"), flagged.size());
  EXPECT_EQ(page().at("pictures").size(), fine.size());
  ASSERT_EQ(flags(told).size(), flagged.size());
  EXPECT_TRUE(contains(flags(told).back(), ": it is not written")) << flags(told).back();
  EXPECT_EQ(told.notes_with("see \"withheld\" in edit.json"), 1U);
}

TEST_F(Safety, ASecondRunWithholdsTheSameWithoutGeneratingIt) {
  flag_some();
  edited_with_mask(SafetyMode::withhold);
  const auto before = contents(folder_ / "out");
  const auto told = edited_with_mask(SafetyMode::withhold);
  EXPECT_TRUE(told.steps.empty());
  EXPECT_EQ(told.notes_with("were withheld before and stay withheld"), 1U);
  EXPECT_EQ(contents(folder_ / "out"), before);
}

TEST_F(Safety, AllMayBeWithheld) {
  flag_over(-1);
  edited(SafetyMode::withhold);
  EXPECT_EQ(record().at("withheld").size(), 3U);
  EXPECT_TRUE(record().at("pictures").empty());
  EXPECT_EQ(record().at("complete"), true);
  EXPECT_TRUE(page().at("pictures").empty());
}

TEST_F(Safety, ImagesThatWereNotCheckedAreGeneratedAgain) {
  flag_over(-1);
  edited(SafetyMode::off);
  const auto told = edited(SafetyMode::report);
  EXPECT_EQ(flags(told).size(), 3U);
  // The record is lost, and the verdicts with it.
  fs::remove(folder_ / "out/edit.json");
  EXPECT_EQ(flags(edited(SafetyMode::report)).size(), 3U);
}

TEST_F(Safety, TheAutomaticChoiceGoesOnWithoutWhatIsWithheld) {
  testing::write_tiny_clip(model_ / "clip");
  flag_over(-1);
  auto job = edit_job("out");
  job.sweep.gamma.reset();
  job.automatic = AutoRequest();
  job.automatic->pictures = 4;
  job.safety = SafetyMode::withhold;
  const auto told = edited(job);
  EXPECT_GE(flags(told).size(), 3U);
  EXPECT_EQ(told.notes_with("\"a red square\": no candidate has a score"), 1U);
  EXPECT_EQ(record().at("withheld").size(), flags(told).size());
  EXPECT_TRUE(record().at("pictures").empty());
  EXPECT_EQ(record().at("complete"), true);
}

TEST_F(Safety, ModesHaveNames) {
  EXPECT_EQ(parse_safety_mode("withhold"), SafetyMode::withhold);
  EXPECT_TRUE(contains(testing::message_of([] { parse_safety_mode("withold"); }), "did you mean 'withhold'"));
}

}  // namespace
}  // namespace forgedit
