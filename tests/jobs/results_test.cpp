#include "forgedit/jobs/results.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/text.h"
#include "tests/support/page_data.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;

const Fonts kFonts{fs::path(FORGEDIT_SOURCE_DIR) / "assets/fonts/DejaVuSans.ttf", {}};

/// Runs that all go into one folder, with pictures of one colour instead of generated ones.
class Results : public testing::TemporaryFolder {
 protected:
  Results() {
    auto& learned = run_.picture;
    learned.picture_name = "dog.png";
    learned.source = "a dog";
    learned.frame = stretch_frame(16, 16, 16, 16, 8);
    learned.grid = Image(16, 16, {200, 10, 10});
    run_.model_name = "tiny";
    for_targets({"a cat", "a cow"});
  }

  /// The sweep: γ 0.8 and 1.0 for every target.
  void for_targets(const std::vector<std::string>& targets) {
    EditRequest request;
    request.targets = targets;
    request.gammas = {0.8, 1.0};
    request.sample.steps = steps_;
    run_.requests = {request};
  }

  /// One run to its end; returns what it took over and what it generated.
  struct Ran {
    std::vector<std::string> drawn;
    std::size_t kept = 0;
    std::string older;
    std::vector<std::string> changed;
  };
  Ran run(std::size_t most = SIZE_MAX) {
    EditResults results(folder_, kFonts, run_, /*with_text=*/true);
    auto plan = plan_edit(run_.requests);
    const auto resumed = results.resume(plan);
    Ran ran{{}, resumed.kept, results.older(), results.changed()};
    if (!resumed.to_draw.empty()) results.begin();
    for (const auto& candidate : resumed.to_draw) {
      if (ran.drawn.size() == most) break;
      results.add(candidate, picture_of(candidate));
      ran.drawn.push_back(candidate.stem);
    }
    results.finish();
    return ran;
  }

  /// Its colour tells candidates apart.
  static Image picture_of(const Candidate& candidate) {
    const auto level = static_cast<std::uint8_t>(100 * candidate.strength);
    return Image(16, 16, {level, static_cast<std::uint8_t>(candidate.target.size()), 50});
  }

  json record() { return read_json_object(folder_ / kRecordFile); }
  std::vector<std::string> recorded() {
    std::vector<std::string> names;
    const auto made = record();
    for (const auto& entry : made.at("pictures")) names.push_back(entry.at("file"));
    return names;
  }
  std::vector<std::string> pictures() {
    std::vector<std::string> names;
    for (const auto& name : list_directory(folder_)) {
      if (number_of(name) > 0) names.push_back(name);
    }
    return names;
  }
  std::map<std::string, std::string> contents() {
    std::map<std::string, std::string> files;
    for (const auto& name : list_directory(folder_)) files[name] = read_file(folder_ / name);
    return files;
  }

  std::int64_t steps_ = 2;
  EditRun run_;
};

const std::string kCat = "a-cat_vs-0.8_donotforget_seed0", kCat2 = "a-cat_vs-1.0_donotforget_seed0",
                  kCow = "a-cow_vs-0.8_donotforget_seed0", kCow2 = "a-cow_vs-1.0_donotforget_seed0";

TEST_F(Results, PicturesAreNumberedAsPlanned) {
  const auto ran = run();
  EXPECT_EQ(ran.kept, 0U);
  EXPECT_EQ(ran.older, "");
  EXPECT_EQ(ran.drawn, (std::vector<std::string>{"reconstruction", "01-" + kCat, "02-" + kCat2, "03-" + kCow,
                                                 "04-" + kCow2}));
  const auto made = record();
  EXPECT_EQ(made.at("complete"), true);
  EXPECT_EQ(made.at("source"), "a dog");
  ASSERT_EQ(made.at("pictures").size(), 5U);
  EXPECT_EQ(made.at("pictures")[0].at("kind"), "reconstruction");
  EXPECT_TRUE(made.at("pictures")[0].at("psnr").is_number());
  EXPECT_EQ(made.at("pictures")[1].at("file"), "01-" + kCat + ".png");
  EXPECT_EQ(made.at("pictures")[1].at("gamma"), 0.8);
  EXPECT_EQ(read_image(folder_ / ("04-" + kCow2 + ".png")).pixels[0], 100);
  EXPECT_TRUE(fs::exists(folder_ / kSheetFile));
}

TEST_F(Results, TheReportShowsWhatTheRecordHas) {
  run(3);
  auto data = testing::data_of_page(read_file(folder_ / kReportFile));
  EXPECT_EQ(data.at("complete"), false);
  EXPECT_EQ(data.at("pictures").size(), 3U);
  run();
  data = testing::data_of_page(read_file(folder_ / kReportFile));
  EXPECT_EQ(data.at("complete"), true);
  ASSERT_EQ(data.at("pictures").size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(data["pictures"][i].at("file"), record().at("pictures")[i].at("file"));
    EXPECT_TRUE(starts_with(data["pictures"][i].at("src").get<std::string>(), "data:image/webp;base64,"));
  }
  EXPECT_NE(data["pictures"][1]["src"], data["pictures"][2]["src"]);
}

TEST_F(Results, ARunThatBeginsHasNoReportOfAnotherOne) {
  run();
  for_targets({"a bird"});
  EditResults results(folder_, kFonts, run_, /*with_text=*/true);
  auto plan = plan_edit(run_.requests);
  results.resume(plan);
  results.begin();
  EXPECT_FALSE(fs::exists(folder_ / kReportFile));
}

TEST_F(Results, ASecondRunTakesAllOver) {
  run_.losses = {0.5, 0.25};
  run();
  const auto before = contents();
  run_.losses.clear();  // it does not learn
  const auto ran = run();
  EXPECT_EQ(ran.kept, 5U);
  EXPECT_TRUE(ran.drawn.empty());
  EXPECT_EQ(contents(), before) << "also the losses, and the PSNR of the reconstruction";
}

TEST_F(Results, AStoppedRunGoesOn) {
  run();
  const auto whole = contents();
  for (const auto& name : list_directory(folder_)) fs::remove(folder_ / name);
  EXPECT_EQ(run(2).drawn.size(), 2U);
  EXPECT_EQ(record().at("complete"), false);
  EXPECT_EQ(recorded().size(), 2U);
  const auto ran = run();
  EXPECT_EQ(ran.kept, 2U);
  EXPECT_EQ(ran.drawn.size(), 3U);
  EXPECT_EQ(contents(), whole);
}

TEST_F(Results, ANewTargetInFrontMovesTheOthersOn) {
  run();
  for_targets({"a bird", "a cat", "a cow"});
  const auto ran = run();
  EXPECT_EQ(ran.kept, 5U);
  EXPECT_EQ(ran.drawn.size(), 2U);
  EXPECT_EQ(pictures(), (std::vector<std::string>{"01-a-bird_vs-0.8_donotforget_seed0.png",
                                                  "02-a-bird_vs-1.0_donotforget_seed0.png",
                                                  "03-" + kCat + ".png", "04-" + kCat2 + ".png",
                                                  "05-" + kCow + ".png", "06-" + kCow2 + ".png"}));
  EXPECT_EQ(read_image(folder_ / ("05-" + kCow + ".png")).pixels[0], 80);
}

TEST_F(Results, PicturesOfOtherSettingsStayAndComeBack) {
  run();
  const auto first = contents();
  steps_ = 3;
  for_targets({"a cat", "a cow"});
  const auto ran = run();
  EXPECT_EQ(ran.kept, 0U);
  EXPECT_TRUE(contains(ran.older, "contains 5 images of an earlier run")) << ran.older;
  EXPECT_TRUE(contains(ran.older, " and 2 more")) << ran.older;
  EXPECT_EQ(ran.drawn, (std::vector<std::string>{"reconstruction-2", "05-" + kCat, "06-" + kCat2,
                                                 "07-" + kCow, "08-" + kCow2}));
  EXPECT_EQ(recorded().size(), 5U) << "the record is of one run";
  EXPECT_EQ(record().at("earlier").size(), 5U);
  for (const auto& [name, bytes] : first) {
    if (name != kRecordFile && name != kSheetFile && name != kReportFile) {
      EXPECT_EQ(read_file(folder_ / name), bytes) << name;
    }
  }
  steps_ = 2;
  for_targets({"a cat", "a cow"});
  const auto again = run();
  EXPECT_EQ(again.kept, 5U);
  EXPECT_EQ(record().at("earlier").size(), 5U);
}

TEST_F(Results, DamagedPicturesAreGeneratedAgain) {
  run();
  const auto before = contents();
  const auto name = "02-" + kCat2 + ".png";
  fs::resize_file(folder_ / name, 40);
  const auto ran = run();
  EXPECT_EQ(ran.changed, std::vector<std::string>{name});
  EXPECT_EQ(ran.drawn, std::vector<std::string>{"02-" + kCat2});
  EXPECT_EQ(contents(), before);
}

TEST_F(Results, APictureThatSomebodyWorkedOnIsNotReplaced) {
  run();
  const auto name = "02-" + kCat2 + ".png";
  write_png(folder_ / name, Image(16, 16, {1, 2, 3}));
  const auto work = read_file(folder_ / name);
  const auto ran = run();
  EXPECT_EQ(read_file(folder_ / name), work);
  EXPECT_TRUE(contains(ran.older, name)) << ran.older;
  ASSERT_EQ(ran.drawn.size(), 1U);
  EXPECT_TRUE(contains(ran.drawn[0], kCat2));
  EXPECT_NE(ran.drawn[0], "02-" + kCat2);
  EXPECT_EQ(recorded().size(), 5U);
}

TEST_F(Results, NobodysNumbersAreLeftFree) {
  write_png(folder_ / "02-mine.png", Image(8, 8));
  const auto ran = run();
  EXPECT_EQ(ran.drawn, (std::vector<std::string>{"reconstruction", "01-" + kCat, "03-" + kCat2, "04-" + kCow,
                                                 "05-" + kCow2}));
  EXPECT_TRUE(
      contains(ran.older, "1 image of an earlier run, kept but not on the new contact sheet: 02-mine.png"))
      << ran.older;
}

TEST_F(Results, TheRecordSaysWhileARunIsNotComplete) {
  run();
  for_targets({"a cat", "a cow", "a bird"});
  EditResults results(folder_, kFonts, run_, true);
  auto plan = plan_edit(run_.requests);
  EXPECT_EQ(results.resume(plan).kept, 5U);
  results.begin();
  EXPECT_FALSE(fs::exists(folder_ / kSheetFile)) << "no sheet rather than one of another run";
  EXPECT_EQ(record().at("complete"), false);
  EXPECT_EQ(results.planned(), 7U);
  EXPECT_EQ(results.count(), 5U);
}

TEST_F(Results, PicturesThatAreGoneAreNotRecorded) {
  EditResults results(folder_, kFonts, run_, true);
  auto plan = plan_edit(run_.requests);
  const auto resumed = results.resume(plan);
  for (const auto& candidate : resumed.to_draw) results.add(candidate, picture_of(candidate));
  results.drain();
  fs::remove(results.path_of(plan[1]));
  EXPECT_TRUE(contains(message_of([&] { results.finish(); }), "1 images of this run were deleted"));
  EXPECT_EQ(record().at("complete"), false);
  EXPECT_EQ(recorded().size(), 4U);
}

TEST_F(Results, PicturesAreToldOnceTheyAreComplete) {
  EditResults results(folder_, kFonts, run_, true);
  auto plan = plan_edit(run_.requests);
  results.resume(plan);
  const auto owner = std::this_thread::get_id();
  std::vector<std::string> told;
  for (const auto& candidate : plan) {
    results.add(candidate, picture_of(candidate), [&, candidate](const fs::path& file) {
      EXPECT_EQ(std::this_thread::get_id(), owner);
      EXPECT_EQ(read_image(file).pixels, picture_of(candidate).pixels);
      told.push_back(candidate.stem);
    });
  }
  EXPECT_EQ(results.count(), plan.size()) << "it waits for all of them";
  results.collect();
  ASSERT_EQ(told.size(), plan.size());
  for (std::size_t i = 0; i < plan.size(); ++i) EXPECT_EQ(told[i], plan[i].stem);
  EXPECT_TRUE(results.reconstruction_db().has_value());
  results.finish();
  EXPECT_EQ(told.size(), plan.size());
}

TEST_F(Results, APictureThatCannotBeWrittenEndsTheRunWithTheOthers) {
  EditResults results(folder_, kFonts, run_, true);
  auto plan = plan_edit(run_.requests);
  results.resume(plan);
  const auto in_the_way = results.path_of(plan[1]);
  fs::create_directory(in_the_way);
  std::size_t told = 0;
  const auto message = message_of([&] {
    for (const auto& candidate : plan) {
      results.add(candidate, picture_of(candidate), [&](const fs::path&) { ++told; });
    }
    results.drain();
  });
  EXPECT_TRUE(contains(message, in_the_way.string() + ": cannot be written: ")) << message;
  const auto count = results.count();
  EXPECT_GE(count, 1U);
  EXPECT_LT(count, plan.size());
  results.finish();
  EXPECT_EQ(told, count);
  EXPECT_EQ(recorded().size(), count);
  EXPECT_EQ(record().at("complete"), false);
  for (const auto& name : recorded()) EXPECT_NE(name, in_the_way.filename().string());
}

TEST_F(Results, AnArrangementDecidesTheRecord) {
  EditResults results(folder_, kFonts, run_, true);
  auto plan = plan_edit(run_.requests);
  for (const auto& candidate : results.resume(plan).to_draw) results.add(candidate, picture_of(candidate));
  Arrangement arrangement;
  arrangement.rows = {{"the best", {{"03-" + kCow, "1."}}}};
  arrangement.scores["03-" + kCow] = std::make_shared<const json>(json{{"edit", 0.5}});
  arrangement.choice = std::make_shared<const json>(json{{"clip", "tiny"}});
  arrangement.complete = true;
  results.arrange(arrangement);
  results.finish();
  EXPECT_EQ(record().at("auto"), json({{"clip", "tiny"}}));
  EXPECT_EQ(record().at("pictures")[3].at("edit"), 0.5);
  EXPECT_EQ(record().at("complete"), true);
}

}  // namespace
}  // namespace forgedit
