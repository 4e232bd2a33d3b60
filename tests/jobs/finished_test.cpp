#include "forgedit/jobs/finished.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/files.h"
#include "forgedit/jobs/edit_record.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::message_of;

class Finished : public testing::TemporaryFolder {
 protected:
  /// A picture whose settings are told apart by `strength`; returns its record entry.
  json draw(const std::string& name, double strength, bool with_text = true) {
    const Candidate candidate = at(strength);
    write_png(folder_ / name, Image(8, 8), with_text ? picture_text(run_, candidate) : PngText{});
    return {{"file", name},
            {"settings", settings_key(run_, candidate)},
            {"content", content_hash(read_file(folder_ / name))}};
  }
  Candidate at(double strength) {
    auto candidate = edit_candidate(
        {}, "a cat", find_forgetting_strategy("donotforget", LearnMethod::vanilla), 0, strength, 0);
    number_stem(candidate, 1, 10);
    return candidate;
  }
  std::string key(double strength) { return settings_key(run_, at(strength)); }
  void record(const std::vector<json>& pictures, const json& earlier = json::array()) {
    write_file_atomically(folder_ / "edit.json",
                          json{{"format", 1}, {"pictures", pictures}, {"earlier", earlier}}.dump());
  }

  static std::string file_of(const std::optional<FinishedPicture>& picture) {
    return picture ? picture->file : "none";
  }

  EditRun run_;
};

TEST_F(Finished, PicturesOfTheRecordAreTakenOnce) {
  record({draw("01-a.png", 0.8), draw("02-a.png", 1.0)});
  FinishedPictures finished(folder_);
  EXPECT_EQ(file_of(finished.take(key(0.8), "01-a.png")), "01-a.png");
  EXPECT_FALSE(finished.take(key(0.8), "01-a.png"));
  EXPECT_EQ(finished.left().size(), 1U);
}

TEST_F(Finished, PicturesOfOtherVersionsAreTaken) {
  auto text = picture_text(run_, at(0.8));
  for (auto& [keyword, value] : text) {
    const std::string name = "\"forgedit ";
    const auto version = value.find(name);
    if (version != std::string::npos)
      value.replace(version + name.size(), value.find('"', version + 1) - version - name.size(), "0.0.7");
  }
  ASSERT_NE(text, picture_text(run_, at(0.8)));
  write_png(folder_ / "01-a.png", Image(8, 8), text);
  EXPECT_EQ(file_of(FinishedPictures(folder_).take(key(0.8), "01-a.png")), "01-a.png");
}

TEST_F(Finished, ARecordThatIsBehindLosesNothing) {
  record({draw("01-a.png", 0.8)});
  draw("02-a.png", 1.0);
  FinishedPictures finished(folder_);
  EXPECT_EQ(file_of(finished.take(key(1.0), "02-a.png")), "02-a.png");
  fs::remove(folder_ / "edit.json");
  EXPECT_TRUE(FinishedPictures(folder_).take(key(0.8), "01-a.png"));
}

TEST_F(Finished, MovedPicturesAreFoundByTheirContent) {
  record({draw("01-a.png", 0.8, /*with_text=*/false)});
  fs::rename(folder_ / "01-a.png", folder_ / "000000001-01-a.png");
  EXPECT_EQ(file_of(FinishedPictures(folder_).take(key(0.8), "01-a.png")), "000000001-01-a.png");
}

TEST_F(Finished, ChangedPicturesAreNotTaken) {
  record({draw("01-a.png", 0.8), draw("02-a.png", 1.0)});
  fs::copy_file(folder_ / "01-a.png", folder_ / "02-a.png", fs::copy_options::overwrite_existing);
  FinishedPictures finished(folder_);
  EXPECT_FALSE(finished.take(key(1.0), "02-a.png"));
  EXPECT_EQ(finished.changed(), std::set<std::string>{"02-a.png"});
}

TEST_F(Finished, PicturesThatSomebodyWorkedOnStay) {
  record({draw("01-a.png", 0.8), draw("02-a.png", 1.0)});
  write_png(folder_ / "02-a.png", Image(8, 8, {1, 2, 3}));
  FinishedPictures finished(folder_);
  EXPECT_FALSE(finished.take(key(1.0), "02-a.png"));
  EXPECT_EQ(finished.retouched(), std::set<std::string>{"02-a.png"});
  EXPECT_TRUE(finished.changed().empty());
}

TEST_F(Finished, LinksAreNoPictures) {
  record({draw("01-a.png", 0.8)});
  fs::rename(folder_ / "01-a.png", folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "01-a.png");
  EXPECT_FALSE(FinishedPictures(folder_).take(key(0.8), "01-a.png"));
}

TEST_F(Finished, OtherNumberedPicturesAreKnown) {
  write_png(folder_ / "07-mine.png", Image(8, 8));
  write_png(folder_ / "sheet.png", Image(8, 8));
  EXPECT_EQ(FinishedPictures(folder_).unknown(), std::set<std::string>{"07-mine.png"});
  EXPECT_EQ(number_of("07-mine.png"), 7U);
  EXPECT_EQ(number_of("sheet.png"), 0U);
}

TEST_F(Finished, RecordsOfTheFirstVersionAreRead) {
  auto entry = draw("01-a.png", 0.8, false);
  record({}, json::array({entry}));  // a list, as version 0.1.0 wrote it
  EXPECT_TRUE(FinishedPictures(folder_).take(key(0.8), "01-a.png"));
  entry.erase("file");
  record({}, json{{"01-a.png", entry}});
  EXPECT_TRUE(FinishedPictures(folder_).take(key(0.8), "01-a.png"));
}

TEST_F(Finished, RecordsThatLeadOutAreRefused) {
  for (const char* name : {"../a.png", "/tmp/a.png", "b/../../a.png", "", "edit.json"}) {
    const json entry{{"file", name}, {"settings", "1"}, {"content", "2"}};
    record({entry});
    EXPECT_TRUE(
        testing::contains(message_of([&] { FinishedPictures{folder_}; }), "expected the name of a PNG file"))
        << name;
  }
  write_file_atomically(folder_ / "edit.json", R"({"format": 9})");
  EXPECT_TRUE(
      testing::contains(message_of([&] { FinishedPictures{folder_}; }), "format: expected 1, found 9"));
}

TEST_F(Finished, NamesChangePlaces) {
  for (const char* name : {"a", "b", "c"}) write_file_atomically(folder_ / name, name);
  rename_all(folder_, {{"a", "b"}, {"b", "a"}, {"c", "d"}});
  EXPECT_EQ(read_file(folder_ / "a"), "b");
  EXPECT_EQ(read_file(folder_ / "b"), "a");
  EXPECT_EQ(read_file(folder_ / "d"), "c");
  EXPECT_EQ(list_tree(folder_).size(), 3U);
}

}  // namespace
}  // namespace forgedit
