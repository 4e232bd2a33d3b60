#include "forgedit/jobs/kept_picture.h"

#include "forgedit/core/json.h"
#include "forgedit/jobs/edit_check.h"
#include "forgedit/jobs/redo.h"
#include "tests/jobs/job_fixture.h"
#include "tests/support/tiny_clip.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::field_of;
using testing::kFirst;
using testing::kSecond;
using testing::message_of;

class KeptPictures : public testing::JobTest {
 protected:
  KeptPictures() {
    photo_ = Image(90, 70);
    for (std::size_t i = 0; i < photo_.pixels.size(); ++i)
      photo_.pixels[i] = static_cast<std::uint8_t>(i * 13 % 253);
    write_png(folder_ / "photo.png", photo_);
  }
  EditJob region_job(const std::string& out) const {
    auto job = edit_job(out);
    job.learn.picture = folder_ / "photo.png";
    job.region = Region{20, 10, 40, 32};
    return job;
  }
  Image result(const std::string& out, const std::string& stem = kFirst) const {
    return read_image(folder_ / out / (stem + ".png"));
  }
  /// Whether the bytes of `picture` are the photo's in all pixels that `is_there` takes.
  template <typename IsThere>
  bool is_photo(const Image& picture, IsThere is_there) const {
    for (int y = 0; y < photo_.height; ++y) {
      for (int x = 0; x < photo_.width; ++x) {
        if (is_there(x, y) && !std::equal(photo_.at(x, y), photo_.at(x, y) + 3, picture.at(x, y)))
          return false;
      }
    }
    return true;
  }
  static bool in_region(int x, int y) { return x >= 20 && x < 60 && y >= 10 && y < 42; }

  Image photo_;
};

TEST_F(KeptPictures, ARegionIsEditedAndTheRestOfThePhotoStays) {
  run(region_job("out"));
  for (const auto& stem : {kFirst, std::string("reconstruction")}) {
    const auto picture = result("out", stem);
    ASSERT_EQ(std::pair(picture.width, picture.height), std::pair(90, 70));
    EXPECT_TRUE(is_photo(picture, [](int x, int y) { return !in_region(x, y); })) << stem;
    EXPECT_FALSE(is_photo(picture, in_region)) << stem;
  }
  const auto record = read_json_object(folder_ / "out/edit.json");
  EXPECT_EQ(record.at("drawing").at("region"), "20,10,40,32");
  EXPECT_EQ(record.at("drawing").at("output_size"), "source");
  EXPECT_EQ(record.at("picture").at("frame").at("source_width"), 40) << "the model sees the region alone";
}

TEST_F(KeptPictures, ARegionIsLearnedAsItsCropIs) {
  auto job = region_job("region");
  run(job);
  write_png(folder_ / "crop.png", cropped(photo_, *job.region));
  job.learn.picture = folder_ / "crop.png";
  job.region.reset();
  job.at_source_size = true;
  job.out = folder_ / "crop";
  run(job);
  EXPECT_EQ(result("region").pixels, pasted(photo_, result("crop"), {20, 10, 40, 32}).pixels);
}

TEST_F(KeptPictures, AnotherPhotoAroundTheSameRegionIsAnotherPicture) {
  const auto job = region_job("out");
  run(job);
  const auto sheet = read_image(folder_ / "out/sheet.png");
  const auto again = run(job);
  EXPECT_EQ(again.notes_with("3 of 3 images were finished before"), 1U);
  *photo_.at(0, 0) ^= 1;
  write_png(folder_ / "photo.png", photo_);
  const auto changed = run(job);
  EXPECT_EQ(changed.notes_with("were finished before"), 0U);
  EXPECT_EQ(changed.notes_with("images of an earlier run"), 1U);
  EXPECT_EQ(read_image(folder_ / "out/sheet.png").pixels, sheet.pixels) << "cells show the region alone";
}

TEST_F(KeptPictures, AMaskOfThePhotoCountsInsideOfTheRegion) {
  auto job = region_job("out");
  Image mask(90, 70, {0, 0, 0});
  for (int y = 0; y < 26; ++y)
    for (int x = 0; x < 90; ++x) std::fill_n(mask.at(x, y), 3, 255);
  job.mask = folder_ / "mask.png";
  write_png(job.mask, mask);
  run(job);
  EXPECT_TRUE(is_photo(result("out"), [](int x, int y) { return !in_region(x, y) || y >= 26; }));
  EXPECT_FALSE(is_photo(result("out"), [](int x, int y) { return in_region(x, y) && y < 26; }));
  job.region = Region{20, 30, 40, 32};
  job.out = folder_ / "other";
  EXPECT_TRUE(contains(message_of([&] { run(job); }), "allows no change inside of the region 20,30,40,32"));
  EXPECT_FALSE(fs::exists(folder_ / "other/edit.json"));
}

TEST_F(KeptPictures, TheAutomaticChoiceLooksAtTheRegionAlone) {
  testing::write_tiny_clip(folder_ / "clip");
  auto job = region_job("out");
  job.automatic.emplace();
  job.automatic->pictures = 2;
  job.automatic->judge.clip = (folder_ / "clip").string();
  const auto targets = [&] {
    run(job);
    return read_json_object(job.out / "edit.json").at("auto").at("targets");
  };
  const auto before = targets();
  for (int y = 0; y < photo_.height; ++y) {
    for (int x = 0; x < photo_.width; ++x) {
      if (!in_region(x, y)) std::fill_n(photo_.at(x, y), 3, 0);
    }
  }
  write_png(folder_ / "photo.png", photo_);
  job.out = folder_ / "other";
  EXPECT_EQ(targets(), before);
}

/// The one area that a run wrote.
fs::path area_in(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (starts_with(entry.path().filename().string(), "area-")) return entry.path();
  }
  ADD_FAILURE() << "no area in " << folder;
  return {};
}

TEST_F(KeptPictures, ProtectedIsWhatTheTargetDoesNotChange) {
  auto job = edit_job("out");
  job.at_source_size = true;
  job.sweep.protect = true;
  const auto told = run(job);
  const auto file = area_in(folder_ / "out");
  EXPECT_TRUE(told.has("file " + file.filename().string()));
  const auto source = read_image(job.learn.picture);
  const auto area = read_mask(file, source.width, source.height);
  for (const auto& stem : {kFirst, kSecond}) {
    const auto edit = result("out", stem);
    std::size_t changed = 0;
    for (std::size_t i = 0; i < area.change.size(); ++i) {
      const bool same = std::equal(&edit.pixels[3 * i], &edit.pixels[3 * i] + 3, &source.pixels[3 * i]);
      changed += same ? 0 : 1;
      if (area.change[i] == 0) {
        ASSERT_TRUE(same) << stem << ", pixel " << i;
      }
    }
    EXPECT_GT(changed, 0U);
  }
  const auto record = read_json_object(folder_ / "out/edit.json");
  EXPECT_EQ(record.at("pictures")[1].at("protect"), true);
  EXPECT_FALSE(record.at("pictures")[0].contains("protect")) << "the reconstruction has nothing to protect";
  EXPECT_EQ(record.at("sweeps")[0].at("protect"), true);
  EXPECT_EQ(run(job).notes_with("3 of 3 images were finished before"), 1U);

  job.dry_run = true;
  EXPECT_EQ(run(job).notes_with("would write " + file.string()), 1U);
  job.dry_run = false;

  // The area can be corrected, and given as a mask.
  job.sweep.protect.reset();
  job.mask = file;
  job.out = folder_ / "masked";
  run(job);
  EXPECT_TRUE(fs::exists(folder_ / "masked" / (kFirst + ".png")));
}

TEST_F(KeptPictures, TheAreaOfARegionIsOneOfThePhoto) {
  auto job = region_job("out");
  job.sweep.protect = true;
  job.sweep.start = 0.5;
  run(job);
  const auto area = read_mask(area_in(folder_ / "out"), photo_.width, photo_.height);
  EXPECT_TRUE(is_photo(result("out"), [&](int x, int y) {
    return area.change[static_cast<std::size_t>(y * photo_.width + x)] == 0;
  }));
  for (int i = 0; i < photo_.width * photo_.height; ++i) {
    const int x = i % photo_.width, y = i / photo_.width;
    if (!in_region(x, y)) {
      ASSERT_EQ(area.change[static_cast<std::size_t>(i)], 0);
    }
  }
  const auto record = read_json_object(folder_ / "out/edit.json");
  EXPECT_EQ(record.at("pictures")[1].at("start"), 0.5);
  EXPECT_FALSE(record.at("pictures")[0].contains("start"));
}

TEST_F(KeptPictures, ARegionIsGeneratedAgain) {
  for (const std::string out : {"out", "saved"}) {
    auto job = region_job(out);
    const bool is_saved = out == "saved";
    if (is_saved) job.learn.save = folder_ / "photo.edit";
    run(job);
    RedoRequest request;
    request.picture = folder_ / out / (kFirst + ".png");
    request.folders = {folder_};
    auto redo = plan_redo(request, [](const std::string& text) { ADD_FAILURE() << text; });
    EXPECT_EQ(contains(redo.plan, "using the saved edit"), is_saved) << redo.plan;
    redo.job.out = folder_ / (out + "-again");
    run(redo.job);
    EXPECT_EQ(pixel_difference(result(out + "-again"), result(out)), "");
  }
}

TEST_F(KeptPictures, ProtectThatCannotBeIsNamed) {
  auto job = edit_job("out");
  job.sweep.protect = true;
  job.mask = job.learn.picture;
  EXPECT_EQ(field_of([&] { check_edit_settings(job); }), "protect");
  auto learn = learn_request();
  learn.save = folder_ / "saved.edit";
  run(learn);
  job = edit_job("out");
  job.sweep.protect = true;
  job.from = learn.save;
  check_edit_settings(job);
  job.at_source_size = true;
  EXPECT_EQ(field_of([&] { check_edit_settings(job); }), "protect");
}

TEST_F(KeptPictures, ARegionThatCannotBeIsNamed) {
  auto job = region_job("out");
  job.region = Region{60, 10, 40, 32};
  EXPECT_TRUE(contains(message_of([&] { run(job); }), "is not inside of the picture, which is 90x70"));
  job.region = Region{0, 0, 90, 70};
  EXPECT_TRUE(contains(message_of([&] { run(job); }), "is the whole picture"));
  job = region_job("out");
  job.at_source_size = false;
  EXPECT_EQ(field_of([&] { check_edit_settings(job); }), "output_size");
  job = region_job("out");
  job.from = folder_ / "saved.edit";
  auto learn = learn_request();
  learn.save = job.from;
  run(learn);
  EXPECT_EQ(field_of([&] { check_edit_settings(job); }), "region");
  EXPECT_FALSE(fs::exists(folder_ / "out/edit.json"));
}

}  // namespace
}  // namespace forgedit
