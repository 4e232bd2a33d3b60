#include "forgedit/eval/truth_scorer.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/eval/answers.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;

const fs::path kAssets = fs::path(FORGEDIT_SOURCE_DIR) / "assets";

/// What comes in at the border repeats it.
Image moved(const Image& picture, int dx, int dy) {
  Image result(picture.width, picture.height);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const auto* from =
          picture.at(std::clamp(x - dx, 0, picture.width - 1), std::clamp(y - dy, 0, picture.height - 1));
      std::copy(from, from + 3, result.at(x, y));
    }
  }
  return result;
}

/// Each pixel the mean of nine, and noise of up to 12 levels either way.
Image worn(const Image& picture) {
  Image result(picture.width, picture.height);
  std::uint32_t state = 1;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        int sum = 0;
        for (int k = 0; k < 9; ++k) {
          sum += picture.at(std::clamp(x + k % 3 - 1, 0, picture.width - 1),
                            std::clamp(y + k / 3 - 1, 0, picture.height - 1))[c];
        }
        state = state * 1664525U + 1013904223U;
        const int noise = static_cast<int>(state >> 16) % 25 - 12;
        result.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(sum / 9 + noise, 0, 255));
      }
    }
  }
  return result;
}

/// The shipped edits and the shipped miniature's VAE. `bench miniedit --check-scorer` tries all of them.
class TruthScorerTest : public ::testing::Test {
 protected:
  TruthScorerTest()
      : scorer_(load_vae(kAssets / "miniature/model/vae", torch::kCPU), torch::kCPU),
        benchmark_(read_miniedit(kAssets / "miniedit")) {}
  const BenchEdit& edit(const std::string& part) const { return edit(benchmark_, part); }
  static const BenchEdit& edit(const Benchmark& benchmark, const std::string& part) {
    for (const auto& edit : benchmark.edits) {
      if (contains(edit.id, part)) return edit;
    }
    throw std::runtime_error("no edit " + part);
  }
  TruthScorer scorer_;
  Benchmark benchmark_;
};

TEST_F(TruthScorerTest, KnowsTheTruthWhenItIsMovedOrWorn) {
  for (const char* part : {"background-man-walking", "object-frog"}) {
    const auto reference = scorer_.prepare(edit(part));
    const auto truth = read_image(edit(part).answer->truth);
    for (const auto& picture : {truth, worn(moved(truth, -4, 3))}) {
      const auto scores = scorer_.score(reference, picture);
      EXPECT_EQ(scores.at("right_and_kept"), 1) << part;
      EXPECT_LT(scores.at("truth_distance"), 0.3) << part;
    }
  }
}

TEST_F(TruthScorerTest, RefusesWrongAnswers) {
  const auto& biking = edit("two-man-biking");
  const auto reference = scorer_.prepare(biking);
  EXPECT_EQ(scorer_.score(reference, read_image(biking.picture)).at("right"), 0);
  for (const std::size_t i : {0U, 1U, 4U}) {  // half of the edit, either half; another in the truth's place
    const auto wrong = worn(moved(read_image(biking.answer->distractors.at(i)), 2, 2));
    EXPECT_EQ(scorer_.score(reference, wrong).at("right"), 0) << "distractor " << i;
  }
}

TEST_F(TruthScorerTest, ALostIdentityIsNotKept) {
  const auto& walking = edit("background-man-walking");
  const auto reference = scorer_.prepare(walking);
  const auto scores = scorer_.score(reference, read_image(walking.answer->identities.at(0)));
  EXPECT_EQ(scores.at("identity"), 0);
  EXPECT_EQ(scores.at("kept"), 0);
  // The subject, which should stay, is gone; the background is the asked one.
  const auto other = scorer_.score(reference, read_image(walking.answer->distractors.back()));
  EXPECT_TRUE(other.at("kept_psnr") < kLeastKeptPsnr || other.at("kept_distance") > kMostKeptDistance);
  EXPECT_LT(other.at("structure"), 0.9);
}

TEST_F(TruthScorerTest, SeveralTogetherScoreAsEachAlone) {
  const auto set = read_miniedit(kAssets / "miniedit-s");
  const auto& asked = edit(set, "flat-two-man-golfing");
  const auto reference = scorer_.prepare(asked);
  std::vector<Image> pictures{read_image(asked.answer->truth), read_image(asked.picture)};
  for (const std::size_t i : {0U, 1U}) pictures.push_back(read_image(asked.answer->distractors.at(i)));
  pictures.push_back(resize(worn(moved(pictures[0], -4, 3)), 96, 96, Resample::lanczos));
  const auto together = scorer_.score(reference, pictures);
  ASSERT_EQ(together.size(), pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto alone = scorer_.score(reference, pictures[i]);
    ASSERT_EQ(together[i].size(), alone.size());
    for (const auto& [key, value] : alone) {
      if (std::isinf(value))
        EXPECT_EQ(together[i].at(key), value) << key << " of " << i;
      else
        EXPECT_NEAR(together[i].at(key), value, 1e-3) << key << " of " << i;
    }
  }
}

TEST_F(TruthScorerTest, AsksForBackgroundAndStyleWhereThereAreOthers) {
  const auto set = read_miniedit(kAssets / "miniedit-s");
  for (const char* part : {"flat-object-pear", "noto-attribute-man-student"}) {
    const auto& asked = edit(set, part);
    const auto reference = scorer_.prepare(asked);
    const auto truth = read_image(asked.answer->truth);
    const auto right = scorer_.score(reference, worn(moved(truth, -4, 3)));
    EXPECT_EQ(right.at("right_and_kept"), 1) << part;
    for (const char* key : {"subject", "background", "style"}) EXPECT_EQ(right.at(key), 1) << part << key;
    EXPECT_EQ(scorer_.score(reference, read_image(asked.picture)).at("subject"), 0) << part;
    ASSERT_EQ(asked.answer->styles.size(), 2U);
    for (const auto& file : asked.answer->styles) {
      const auto other = scorer_.score(reference, worn(moved(read_image(file), 2, 1)));
      EXPECT_EQ(other.at("background"), 1) << file;
      EXPECT_EQ(other.at("style"), 0) << file;
      EXPECT_EQ(other.at("right"), 0) << file;
    }
    // The right subject and style under another light: no named background, but not the asked one.
    auto darker = truth;
    for (auto& value : darker.pixels) value = static_cast<std::uint8_t>(std::max(0, value - 45));
    const auto off = scorer_.score(reference, darker);
    EXPECT_EQ(off.at("background"), 0) << part;
    EXPECT_EQ(off.at("right"), 0) << part;
  }
  EXPECT_EQ(scorer_.score(scorer_.prepare(edit("object-frog")), read_image(edit("object-frog").picture))
                .count("style"),
            0U);
}

class MinieditReaderTest : public testing::TemporaryFolder {};

TEST_F(MinieditReaderTest, NamesWhatIsWrong) {
  const json shown{{"picture", "a.png"}, {"text", "a"}};
  const json good{{"id", "1"},
                  {"kind", "action"},
                  {"source", shown},
                  {"truth", shown},
                  {"distractors", json::array({shown})}};
  const auto write = [&](const json& edits) {
    write_file_atomically(folder_ / "edits.json",
                          json{{"name", "set"}, {"version", 1}, {"edits", edits}}.dump());
  };
  const auto message = [&](const json& edit) {
    write(json::array({edit}));
    return message_of([&] { read_miniedit(folder_); });
  };
  EXPECT_TRUE(contains(message_of([&] { read_miniedit(folder_); }), "not a MiniEdit folder"));
  write(json::array({good}));
  EXPECT_EQ(read_miniedit(folder_).edits.at(0).answer->distractors.at(0), folder_ / "a.png");
  write(json::array({good, good}));
  EXPECT_TRUE(
      contains(message_of([&] { read_miniedit(folder_); }), "edit 2: id: another edit has the same id"));
  auto bad = good;
  bad["truth"]["picture"] = "../a.png";
  EXPECT_TRUE(contains(message(bad), "edit 1: truth: picture: expected a path inside the folder"));
  bad = good;
  bad.erase("distractors");
  EXPECT_TRUE(contains(message(bad), "edit 1: distractors: expected a list"));
  bad = good;
  bad["id"] = "../up";
  EXPECT_TRUE(contains(message(bad), "id: expected a plain folder name"));
  EXPECT_TRUE(contains(message(3), "edit 1: expected an object"));
}

PictureRecord picture(const std::string& setting, double right, double kept, bool fixed,
                      bool chosen = false) {
  PictureRecord record;
  record.setting = setting;
  record.fixed = fixed;
  record.chosen = chosen;
  record.scores = {
      {"right", right}, {"kept", kept}, {"right_and_kept", right * kept}, {"truth_distance", 0.5}};
  return record;
}

TEST(AnswersTest, TellsProtocolsApart) {
  EditRecord first, second;
  first.edit.category = "action";
  second.edit.category = "object";
  first.pictures = {picture("a", 0, 1, true), picture("b", 1, 1, false, true)};
  second.pictures = {picture("a", 0, 1, true), picture("a", 1, 1, true), picture("b", 1, 0, false),
                     picture("b", 1, 1, false, true)};
  const std::vector<EditRecord> records{first, second};
  EXPECT_EQ(best_setting(records), "b");  // 0.75 right and kept, against 0.25
  const auto answers = answers_json(records);
  EXPECT_EQ(answers["protocol"], "automatic");
  EXPECT_EQ(answers["right_and_kept"], 1);
  const auto& all = answers["protocols"];
  EXPECT_EQ(all["fixed"]["all"]["right_and_kept"], 0.25);
  EXPECT_EQ(all["best_setting"]["all"]["right_and_kept"], 0.75);
  EXPECT_EQ(all["best_setting"]["object"]["kept"], 0.5);
  EXPECT_EQ(all["best_by_truth"]["all"]["right_and_kept"], 1);
  EXPECT_EQ(first.best(), &first.pictures[1]);
  EXPECT_TRUE(contains(answers_table(records, "fixed protocol"), "25 / 100 / 25 %"));
  EXPECT_TRUE(answers_json({EditRecord{}}).empty());
}

}  // namespace
}  // namespace forgedit
