#include "forgedit/jobs/redo.h"

#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::field_of;
using testing::kFirst;
using testing::message_of;
using testing::RecordingListener;

/// A picture of a job, and what becomes of it with other settings inside.
class RedoTest : public testing::JobTest {
 protected:
  void make_picture() {
    run(edit_job("out"));
    picture_ = folder_ / "out" / (kFirst + ".png");
  }
  json settings() const {
    for (const auto& [key, text] : read_png_text(picture_)) {
      if (key == "forgedit") return json::parse(text);
    }
    return {};
  }
  void set(const std::string& place, const json& value) {
    auto changed = settings();
    changed[json::json_pointer(place)] = value;
    write_png(picture_, read_image(picture_), {{"forgedit", changed.dump()}});
  }
  Redo plan() {
    RedoRequest request;
    request.picture = picture_;
    request.folders = {folder_};
    auto redo = plan_redo(request, [this](const std::string& text) { warnings_.push_back(text); });
    redo.job.out = folder_ / "again";
    return redo;
  }
  Image again() {
    const auto listener = run(plan().job);
    EXPECT_TRUE(listener.has("picture " + kFirst));
    EXPECT_FALSE(listener.has("picture reconstruction"));
    EXPECT_EQ(listener.plans.back().text, "1 image");
    return read_image(folder_ / "again" / (kFirst + ".png"));
  }

  fs::path picture_;
  std::vector<std::string> warnings_;
};

TEST_F(RedoTest, GivesThePictureAgain) {
  make_picture();
  const auto file = read_file(picture_);
  EXPECT_EQ(pixel_difference(again(), read_image(picture_)), "");
  EXPECT_EQ(read_file(folder_ / "again" / (kFirst + ".png")), file);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(RedoTest, AnotherMachineIsWarnedOfAndAnotherNameIsNot) {
  make_picture();
  set("/model/device", "NVIDIA H100");
  set("/model/name", "copy-of-it");
  set("/software", "forgedit 9.9");
  set("/drawing/safety", "withhold");
  EXPECT_EQ(pixel_difference(again(), read_image(picture_)), "");
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_TRUE(contains(warnings_[0], "was made with device \"NVIDIA H100\"")) << warnings_[0];
}

TEST_F(RedoTest, APictureOfAnOlderVersionIsWarnedOf) {
  make_picture();
  auto older = settings();
  older["drawing"].erase("together");
  older["drawing"].erase("place");
  write_png(picture_, read_image(picture_), {{"forgedit", older.dump()}});
  again();
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_TRUE(contains(warnings_[0], "an older version")) << warnings_[0];
}

TEST_F(RedoTest, WhatCannotBeAsItWasEndsTheJobBeforeItLearns) {
  const std::pair<const char*, const char*> wrong[] = {
      {"/model/fingerprint", "was made with another model, tiny-sd"},
      {"/drawing/twist", "its setting /drawing/twist is \"x\", and here it would be nothing"},
      {"/edit/twist", "its setting /edit/twist is \"x\""},
  };
  for (const auto& [place, message] : wrong) {
    make_picture();
    set(place, "x");
    RecordingListener listener;
    auto engine = this->engine();
    const auto redo = plan();
    EXPECT_TRUE(contains(message_of([&] { run(engine, redo.job, listener); }), message)) << place;
    EXPECT_FALSE(listener.has("learning")) << place;
    remove_tree(folder_ / "out");
  }
}

TEST_F(RedoTest, SettingsThatAreUnknownOrWrongAreNamed) {
  const std::tuple<const char*, json, const char*> wrong[] = {
      {"/learning/twist", 1, "its setting twist: unknown key"},
      {"/learning/samples", 0, "its setting samples: expected a whole number"},
      {"/edit/strategy", "nosuch", "unknown forgetting strategy"},
      {"/edit/sampler", "nosuch", "its setting sampler: "},
      {"/picture/frame/grid_width", 1 << 30, "/picture/frame: grid_width: expected"},
      {"/drawing/region", "1,2", "its setting region: expected X,Y,WIDTH,HEIGHT"},
      {"/drawing/region", 7, "/drawing/region: expected a text"},
      {"/picture/content", "0", "give the original picture: neither a saved edit of"},
      {"/learning", nullptr, "expected an object"},
  };
  for (const auto& [place, value, message] : wrong) {
    make_picture();
    set(place, value);
    RecordingListener listener;
    auto engine = this->engine();
    const auto what = message_of([&] { run(engine, plan().job, listener); });
    EXPECT_TRUE(contains(what, message)) << place << ": " << what;
    remove_tree(folder_ / "out");
  }
}

TEST_F(RedoTest, ARegionIsEditedAgainInTheSamePhoto) {
  auto job = edit_job("out");
  job.region = Region{4, 6, 24, 20};
  run(job);
  picture_ = folder_ / "out" / (kFirst + ".png");
  EXPECT_EQ(pixel_difference(again(), read_image(picture_)), "");
  auto photo = read_image(folder_ / "square.png");
  *photo.at(0, 0) ^= 1;  // outside of the region
  write_png(folder_ / "square.png", photo);
  EXPECT_TRUE(contains(message_of([&] { plan(); }), "give the original picture: neither a saved edit of"));
  write_png(folder_ / "square.png", Image(16, 16));
  EXPECT_TRUE(contains(message_of([&] { plan(); }), "give the original picture: neither a saved edit of"));
}

TEST_F(RedoTest, AProtectedEditAtTheSourcesSizeNeedsTheOriginalBesideTheSavedEdit) {
  auto job = edit_job("out");
  job.at_source_size = true;
  job.sweep.protect = true;
  job.sweep.start = 0.5;
  job.learn.save = folder_ / "saved.edit";
  run(job);
  picture_ = folder_ / "out" / (kFirst + ".png");
  EXPECT_EQ(plan().job.learn.save, job.learn.save);
  EXPECT_EQ(pixel_difference(again(), read_image(picture_)), "");
}

TEST_F(RedoTest, PixelsAreCountedOnce) {
  Image one(4, 2, {10, 20, 30}), other = one;
  EXPECT_EQ(pixel_difference(one, other), "");
  other.at(1, 1)[0] = 13;
  other.at(1, 1)[2] = 0;
  other.at(3, 0)[1] = 21;
  EXPECT_EQ(pixel_difference(one, other), "2 of 8 pixels differ, by at most 30 of 255");
  EXPECT_EQ(pixel_difference(one, Image(2, 2)), "4x2 pixels, not 2x2");
}

}  // namespace
}  // namespace forgedit
