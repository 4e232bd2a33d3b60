#include "tools/miniature/miniedit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "tests/support/temporary_folder.h"
#include "tools/miniature/held_back.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;

/// A disc with a stripe: no two of these look alike.
RgbaImage drawing(std::size_t number) {
  RgbaImage picture{kEmojiSide, kEmojiSide, std::vector<std::uint8_t>(4U * kEmojiSide * kEmojiSide), {}};
  const double radius = 30 + 3.0 * static_cast<double>(number % 10);
  for (int y = 0; y < kEmojiSide; ++y) {
    for (int x = 0; x < kEmojiSide; ++x) {
      if (std::hypot(x - 64, y - 64) > radius) continue;
      auto* pixel = picture.pixels.data() + 4 * (static_cast<std::size_t>(y) * kEmojiSide + x);
      const bool stripe = std::abs(y - 30 - static_cast<int>(number) * 4) < 6;
      pixel[0] = static_cast<std::uint8_t>(stripe ? 255 : number * 37 % 256);
      pixel[1] = static_cast<std::uint8_t>(stripe ? 255 : number * 91 % 256);
      pixel[2] = static_cast<std::uint8_t>(stripe ? 0 : number * 151 % 256);
      pixel[3] = 255;
    }
  }
  return picture;
}

class MinieditWriter : public testing::TemporaryFolder {
 protected:
  MinieditWriter() {
    const auto add = [&](const std::string& label, const std::string& family, bool person, int tone) {
      pack_.entries.push_back(
          {std::to_string(pack_.entries.size()), label, family, person ? "people" : "food", person, tone, 1});
      pack_.pictures.push_back(drawing(pack_.entries.size()));
    };
    for (const char* doing : {"walking", "running", "biking", "swimming", "dancing", "climbing", "kneeling",
                              "juggling", "golfing", "rowing", "surfing", "singing"}) {
      for (const char* who : {"man ", "woman "}) {
        add(std::string(who) + doing + ": light skin tone", doing, true, 1);
        add(std::string(who) + doing + ": dark skin tone", doing, true, 5);
      }
    }
    for (const char* food : {"red apple", "green apple", "pear", "melon", "lemon", "bread", "egg", "pie",
                             "taco", "plum", "kiwi", "cheese", "sushi"}) {
      add(food, food, false, 0);
    }
    pack_.prepare();
    hold_back(pack_, "man walking: dark skin tone | *\nman running: dark skin tone | *\npear | blue\n",
              "list");
  }

  json write(const fs::path& folder, const std::string& list, std::uint64_t seed = 0) {
    write_miniedit({pack_}, list, "list", seed, folder);
    return json::parse(read_file(folder / "edits.json"));
  }
  std::map<std::string, std::string> files(const fs::path& folder) {
    std::map<std::string, std::string> contents;
    for (const auto& file : list_tree(folder)) {
      contents[file.lexically_relative(folder).string()] = read_file(file);
    }
    return contents;
  }

  EmojiPack pack_;
  const std::string list_ =
      "# comment\n"
      "action | a man walking: dark skin tone on a blue background | a man running: dark skin tone on a blue "
      "background\n"
      "two | a man walking: dark skin tone on a blue background | a man running: dark skin tone on a red "
      "background\n"
      "object | a red apple on a blue background | a pear on a blue background\n"
      "attribute | a man walking: light skin tone on a red background | a man walking: dark skin tone on a "
      "red "
      "background\n";
};

TEST_F(MinieditWriter, SameSeedSameBytes) {
  write(folder_ / "one", list_);
  write(folder_ / "two", list_);
  write(folder_ / "other", list_, 1);
  EXPECT_EQ(files(folder_ / "one"), files(folder_ / "two"));
  EXPECT_NE(files(folder_ / "one"), files(folder_ / "other"));
}

TEST_F(MinieditWriter, WritesWhatTheDocumentDescribes) {
  const auto set = write(folder_ / "set", list_);
  ASSERT_EQ(set["edits"].size(), 4U);
  for (const auto& edit : set["edits"]) {
    EXPECT_EQ(edit["distractors"].size(), 10U);
    std::set<std::string> names;
    for (const char* key : {"source", "truth"}) names.insert(edit[key]["picture"].get<std::string>());
    for (const auto& other : edit["distractors"]) names.insert(other["picture"].get<std::string>());
    EXPECT_EQ(names.size(), 12U);
    for (const auto& name : names) EXPECT_TRUE(fs::exists(folder_ / "set" / name)) << name;
  }
  const auto &action = set["edits"][0], &two = set["edits"][1], &attribute = set["edits"][3];
  EXPECT_EQ(action["id"], "01-action-man-running-dark-skin-tone-blue");
  EXPECT_EQ(action["split"], "held back");
  EXPECT_EQ(attribute["split"], "truth held back");
  EXPECT_EQ(action["source"], two["source"]);
  // Identity is what the edit leaves alone: tone and gender here, only gender where the tone is edited.
  ASSERT_EQ(action["identities"].size(), 2U);
  EXPECT_EQ(action["identities"][0]["text"], "a man running: light skin tone on a blue background");
  ASSERT_EQ(attribute["identities"].size(), 1U);
  EXPECT_EQ(attribute["identities"][0]["text"], "a woman walking: dark skin tone on a red background");
  // Half of an edit is no edit.
  const auto text = two["distractors"].dump();
  EXPECT_TRUE(contains(text, "a man walking: dark skin tone on a red background"));
  EXPECT_TRUE(contains(text, "a man running: dark skin tone on a blue background"));
}

TEST_F(MinieditWriter, SourceAndTruthDifferOnlyInTheSubject) {
  const auto set = write(folder_ / "set", list_);
  const auto& edit = set["edits"][0];
  const auto source = read_image(folder_ / "set" / edit["source"]["picture"].get<std::string>());
  const auto truth = read_image(folder_ / "set" / edit["truth"]["picture"].get<std::string>());
  ASSERT_NE(source.pixels, truth.pixels);
  for (int i = 0; i < kEmojiSide; ++i) {
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(source.at(i, 1)[c], truth.at(i, 1)[c]);
  }
}

/// The same subjects, drawn otherwise, without the last one.
EmojiPack in_style(const EmojiPack& like, const char* style, std::size_t offset) {
  EmojiPack pack;
  pack.style = style;
  pack.entries.assign(like.entries.begin(), like.entries.end() - 1);
  for (std::size_t i = 0; i < pack.entries.size(); ++i) pack.pictures.push_back(drawing(i + offset));
  pack.prepare();
  return pack;
}

TEST_F(MinieditWriter, DrawsTheTruthInEveryOtherStyle) {
  const std::vector<EmojiPack> packs{pack_, in_style(pack_, "flat", 2), in_style(pack_, "noto", 5)};
  const std::string edit = "object | a red apple on a blue background | a pear on a blue background\n";
  write_miniedit(packs, "noto | " + edit + edit, "list", 0, folder_ / "set");
  const auto set = json::parse(read_file(folder_ / "set/edits.json"));
  EXPECT_EQ(set["name"], "MiniEdit-S");
  const auto &noto = set["edits"][0], &own = set["edits"][1];
  EXPECT_EQ(noto["id"], "01-noto-object-pear-blue");
  EXPECT_EQ(noto["split"], "unseen style: noto");
  EXPECT_EQ(noto["truth"]["picture"], "pictures/01-noto-pear-blue.png");
  ASSERT_EQ(noto["styles"].size(), 2U);
  EXPECT_EQ(noto["styles"][0]["text"], "a pear on a blue background");
  // The miniature's own style is not asked about.
  EXPECT_EQ(own["id"], "02-object-pear-blue");
  EXPECT_FALSE(own.contains("styles"));
  const auto picture = [&](const json& shown) {
    return read_image(folder_ / "set" / shown["picture"].get<std::string>());
  };
  const auto truth = picture(noto["truth"]), other = picture(noto["styles"][0]);
  EXPECT_NE(truth.pixels, other.pixels);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(truth.at(1, 1)[c], other.at(1, 1)[c], 2);  // lossy
  EXPECT_TRUE(
      contains(message_of([&] { write_miniedit(packs, "wood | " + edit, "list", 0, folder_ / "no"); }),
               "list:1: no pack has the style \"wood\""));
}

TEST_F(MinieditWriter, NamesWrongLines) {
  const auto message = [&](const std::string& list) {
    return message_of([&] { write_miniedit({pack_}, list, "list", 0, folder_ / "set"); });
  };
  EXPECT_TRUE(contains(message("object | a pear on a red background\n"), "list:1: expected \"kind | source"));
  EXPECT_TRUE(contains(message("\nsubject | a pear on a red background | a pie on a red background"),
                       "list:2: no kind of edit is called \"subject\""));
  EXPECT_TRUE(contains(message("object | a pear on a red background | a fig on a red background"),
                       "no emoji is called \"fig\""));
  EXPECT_TRUE(
      contains(message("object | a pear on a red background | a pear on a red background"), "the same"));
  EXPECT_TRUE(contains(message("# nothing"), "no edits"));
  EXPECT_FALSE(fs::exists(folder_ / "set"));
}

}  // namespace
}  // namespace forgedit
