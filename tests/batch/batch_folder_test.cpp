#include "forgedit/batch/batch_folder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/batch/batch_report.h"
#include "forgedit/core/folder_lock.h"
#include "tests/support/page_data.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;

class BatchFolderTest : public testing::TemporaryFolder {
 protected:
  /// Results of an edit that is ready to be published.
  void make(const std::string& id, const std::string& contents) const {
    make_directory(folder().making(id, "t"));
    write_file_atomically(folder().making(id, "t") / "edit.json", contents);
  }
  BatchFolder folder() const { return BatchFolder(folder_ / "batch"); }

  const BatchSubject subject_{
      "tiny", "f1", {{"one", "i1"}, {"two", "i2"}, {"three", "i3"}}, {"list:1", "list:2", "list:4"}};
};

TEST_F(BatchFolderTest, GoesOnWithTheSameListAndModelOnly) {
  EXPECT_FALSE(folder().subject());
  folder().begin(subject_);
  folder().begin(subject_);
  EXPECT_EQ(folder().subject()->edits, subject_.edits);
  const auto complaint = [&](BatchSubject other) { return message_of([&] { folder().begin(other); }); };
  auto other = subject_;
  other.fingerprint = "f2";
  EXPECT_TRUE(contains(complaint(other), "another model"));
  other = subject_;
  other.edits[1].second = "other";
  EXPECT_TRUE(contains(complaint(other), "'two' has other settings"));
  other = subject_;
  other.edits[2].first = "four";
  EXPECT_TRUE(contains(complaint(other), "list:4: "));
  other = subject_;
  other.edits[1].second = "mended";
  EXPECT_TRUE(contains(complaint(other), "list:2: "));
  folder().check_list(other, {"two"});
  folder().renew(other);
  folder().begin(other);
  folder().renew(subject_);
  other = subject_;
  other.edits.pop_back();
  EXPECT_TRUE(contains(complaint(other), "it had 3 edits and has 2 now"));
}

TEST_F(BatchFolderTest, WritesIntoNoOtherFolder) {
  folder().check_place();
  make_directory(folder().path());
  write_file_atomically(folder().path() / "photo.png", "x");
  EXPECT_TRUE(contains(message_of([&] { folder().check_place(); }), "is not the folder of a batch"));
}

TEST_F(BatchFolderTest, AnEditIsThereOnceAndWhole) {
  make("one", "first");
  EXPECT_FALSE(folder().is_done("one"));
  EXPECT_TRUE(folder().publish("one", "t", {"w1", "CPU", 2.5, {{"a.png", "γ 0.8", true}}}));
  EXPECT_TRUE(folder().is_done("one"));
  make("one", "second");
  EXPECT_FALSE(folder().publish("one", "t", {"w2", "CPU", 1, {}}));
  EXPECT_EQ(read_file(folder().edit("one") / "edit.json"), "first");
  EXPECT_EQ(folder().done(), std::set<std::string>{"one"});
  const auto made = folder().made().at("one");
  EXPECT_EQ(made.worker, "w1");
  EXPECT_EQ(made.seconds, 2.5);
  ASSERT_EQ(made.pictures.size(), 1U);
  EXPECT_EQ(made.pictures[0].label, "γ 0.8");
}

TEST_F(BatchFolderTest, AnotherClaimGoesOnInAPlaceOfItsOwn) {
  make("one", "begun");
  make("one-more", "another edit");
  write_file_atomically(FolderLock::inside(folder().making("one", "t")), "held by one that is only slow");
  folder().take_over("one", "u");
  EXPECT_EQ(read_file(folder().making("one", "u") / "edit.json"), "begun");
  EXPECT_FALSE(fs::exists(FolderLock::inside(folder().making("one", "u"))));
  EXPECT_FALSE(fs::exists(folder().making("one", "t")));
  EXPECT_TRUE(fs::exists(folder().making("one-more", "t")));
  folder().clear_work();
  EXPECT_TRUE(list_directory(folder().work() / "making").empty());
}

TEST_F(BatchFolderTest, ReportsWhatIsDoneFailedAndLeft) {
  folder().begin(subject_);
  make("one", "{}");
  folder().publish("one", "t", {"w1", "CPU", 2.5, {{"a.png", "γ 0.8", true}}});
  folder().fail("two", {"no such </script> picture", 1, true, {}});
  folder().fail("three", {"out of memory", 1, false, {}});
  const auto status = batch_status(folder(), subject_);
  EXPECT_EQ(status_line(status), "1 of 3 edits done, 1 failed, 1 left");
  const std::vector<std::string> lines{R"({"id":"one","target":"a"})", R"({"id":"two","targets":["b","c"]})",
                                       R"({"id":"three","target":"d"})"};
  write_batch_report(folder(), status, lines);
  EXPECT_EQ(read_file(folder().path() / "failed.jsonl"), lines[1] + "\n");
  const auto summary = json::parse(read_file(folder().path() / "summary.json"));
  EXPECT_EQ(summary["done"], 1);
  EXPECT_EQ(summary["failed"], 1);
  EXPECT_EQ(summary["left"], 1);
  EXPECT_EQ(summary["edits"][0]["state"], "done");
  EXPECT_TRUE(fs::is_directory(folder().path() / summary["edits"][0]["folder"].get<std::string>()));
  EXPECT_EQ(summary["edits"][1]["reason"], "no such </script> picture");
  EXPECT_EQ(summary["edits"][2]["state"], "left");
  const auto page = read_file(folder().path() / "index.html");
  EXPECT_FALSE(contains(page, "such </script>"));
  EXPECT_EQ(testing::data_of_page(page).at("edits")[1].at("reason"), "no such </script> picture");
  EXPECT_TRUE(contains(page, "\"report.html\"")) << "each edit's report";

  folder().forget_failure("two");
  write_batch_report(folder(), batch_status(folder(), subject_), lines);
  EXPECT_FALSE(fs::exists(folder().path() / "failed.jsonl"));
}

}  // namespace
}  // namespace forgedit
