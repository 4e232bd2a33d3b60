#include "forgedit/eval/benchmark.h"

#include "forgedit/eval/found_pictures.h"
#include "forgedit/eval/published.h"
#include "tests/support/make_xlsx.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;
using testing::write_bytes;

class BenchmarkTest : public testing::TemporaryFolder {
 protected:
  std::string list_message(const std::string& list) {
    write_bytes(folder_ / "input_list.json", list);
    return message_of([&] { read_tedbench(folder_); });
  }
  void make_file(const fs::path& name) {
    fs::create_directories((folder_ / name).parent_path());
    write_bytes(folder_ / name, "x");
  }
};

TEST_F(BenchmarkTest, ReadsTedbench) {
  fs::create_directory(folder_ / "tedbench");
  write_bytes(folder_ / "tedbench/input_list.json",
              R"([{"img_name": "dog_01.jpeg", "target_text": "A photo of a jumping dog."},
                  {"img_name": "dog_01.jpeg", "target_text": "A sitting dog."}])");
  const auto benchmark = read_benchmark(folder_);
  ASSERT_EQ(benchmark.edits.size(), 2U);
  EXPECT_EQ(benchmark.edits[0].id, "001-dog-01-a-photo-of-a-jumping-dog");
  EXPECT_EQ(benchmark.edits[1].picture, folder_ / "tedbench/originals/dog_01.jpeg");
  EXPECT_FALSE(benchmark.edits[1].source);
}

TEST_F(BenchmarkTest, NamesBadEntriesOfTedbench) {
  EXPECT_TRUE(contains(list_message("{}"), "expected a list of edits"));
  EXPECT_TRUE(contains(list_message("[3]"), "entry 1: expected an object"));
  EXPECT_TRUE(contains(list_message(R"([{"img_name": "a.png"}])"), "entry 1: target_text: missing"));
  EXPECT_TRUE(contains(list_message(R"([{"img_name": "../a.png", "target_text": "b"}])"), "plain file name"));
  fs::remove(folder_ / "input_list.json");
  EXPECT_TRUE(contains(message_of([&] { read_tedbench(folder_); }), "not a TEdBench folder"));
}

TEST_F(BenchmarkTest, ReadsEditeval) {
  fs::create_directories(folder_ / "EditEval_v1/Dataset/object_removel");
  write_bytes(folder_ / "EditEval_v1/Dataset/editing_prompts_collection.xlsx",
              testing::make_xlsx({{"Object Addition", "Source Prompt", "Target Prompt", "Instruction"},
                                  {"", "A road", "A car on a road ", "Add a car"},
                                  {"", "A lake", "A canoe on a lake", "Add a canoe"},
                                  {"Object Removal", "A bench", "A hill", "Remove the bench"},
                                  {"", "", "", ""}}));
  make_file("EditEval_v1/Dataset/object_addition/2.jpeg");
  make_file("EditEval_v1/Dataset/object_removel/1.png");
  const auto edits = read_benchmark(folder_).edits;
  ASSERT_EQ(edits.size(), 3U);
  EXPECT_EQ(edits[0].target, "A car on a road");
  EXPECT_EQ(edits[0].picture_name, "object_addition/1.jpg");  // missing: named as it would be
  EXPECT_EQ(edits[1].picture_name, "object_addition/2.jpeg");
  EXPECT_EQ(edits[2].picture_name, "object_removel/1.png");
  EXPECT_EQ(edits[2].category, "Object Removal");
  EXPECT_EQ(edits[2].source, "A bench");
  EXPECT_EQ(edits[2].instruction, "Remove the bench");
}

TEST_F(BenchmarkTest, EditevalMayHaveASheetACategory) {
  write_bytes(folder_ / "editing_prompts_collection.xlsx",
              testing::make_xlsx({{"Source Prompt", "Target Prompt"}, {"a", "b"}}, "Style Change"));
  EXPECT_EQ(read_editeval(folder_).edits.at(0).picture_name, "style_change/1.jpg");
  write_bytes(folder_ / "editing_prompts_collection.xlsx", testing::make_xlsx({{"a", "b"}}));
  EXPECT_TRUE(contains(message_of([&] { read_editeval(folder_); }), "expected columns 'Source Prompt'"));
}

TEST_F(BenchmarkTest, FindsPicturesByTheirNames) {
  Benchmark benchmark{"TEdBench", {}};
  for (const auto& [picture, target] : {std::pair{"cat.jpeg", "A photo of a cat wearing a hat."},
                                        {"cat_3.jpeg", "A photo of a cat wearing a hat."},
                                        {"pizza1.png", "A half eaten pizza."},
                                        {"bird-g8_1920.jpg", "Two kissing parrots."},
                                        {"dog.png", "A dog."},
                                        {"dog.png", "A dog on a sofa."}}) {
    benchmark.edits.push_back({"", picture, picture, "", {}, target, ""});
  }
  const char* names[] = {
      "imagic/cat.jpeg-A_photo_of_a_cat_wearing_a_hat.png",
      "imagic/1_orig_A photo of a cat wearing a hat._guidance_scale=7.5__alpha=1.3_cat_3.jpeg.png",
      "imagic/decodermemoryqkv_2A half eaten pizza.textalpha=0.0__0.8.png",
      "imagic/5_noencoder_Two kissing parrots._textalpha=0.7_bird_g8_1920.jpg.png",
      "imagic/dog.png-A_dog_on_a_sofa.PNG",
      "imagic/A photo of a cat wearing a hat.png",  // of which cat?
      "imagic/readme.txt"};
  for (const auto* name : names) make_file(name);
  const auto found = find_pictures(benchmark, folder_);
  const std::size_t expected[] = {1, 1, 1, 1, 0, 1};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(found.by_edit[i].size(), expected[i]) << i;
  EXPECT_EQ(found.by_edit[1].at(0).filename().string()[0], '1');
  ASSERT_EQ(found.unmatched.size(), 1U);
  EXPECT_EQ(found.unmatched[0].filename(), "A photo of a cat wearing a hat.png");
}

TEST_F(BenchmarkTest, FindsPicturesOfEditevalByTheirPlace) {
  Benchmark benchmark{"EditEval_v1", {{"", "style_change/1.jpg", "", "Style Change", "a", "b", ""}}};
  make_file("style_change/1.png");
  EXPECT_EQ(find_pictures(benchmark, folder_).by_edit[0].size(), 1U);
  EXPECT_TRUE(contains(message_of([&] {
                         find_pictures(Benchmark{"TEdBench", {}}, folder_);
                       }),
                       "contains no image of an edit"));
}

// The counts that the two readings lead to are those of the published set.
TEST(Published, BothReadings) {
  const auto edits = read_published(fs::path(FORGEDIT_SOURCE_DIR) / "assets/tedbench/published.json");
  EXPECT_EQ(edits.size(), 100U);
  int unreleased = 0, vs[2] = {0, 0};
  for (const auto& [key, edit] : edits) {
    unreleased += !has_released_strategy(edit);
    for (const auto reading : {PublishedReading::projection, PublishedReading::subtraction}) {
      EditRequest request;
      apply_published(edit, reading, request);
      vs[static_cast<int>(reading)] += request.interpolation == Interpolation::vector_subtraction;
      EXPECT_EQ(request.gammas, std::vector<double>{edit.alpha});
    }
  }
  EXPECT_EQ(unreleased, 3);
  EXPECT_EQ(vs[0], 11);
  EXPECT_EQ(vs[1], 89);
}

}  // namespace
}  // namespace forgedit
