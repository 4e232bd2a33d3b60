#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "tools/miniature/held_back.h"
#include "tools/miniature/iconify.h"
#include "tools/miniature/pack.h"
#include "tools/miniature/scene.h"
#include "tools/miniature/vocabulary.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// A folder that goes away with the test.
class MiniatureData : public ::testing::Test {
 protected:
  MiniatureData() {
    static std::atomic<int> number{0};
    folder_ = fs::temp_directory_path() /
              ("miniature_data." + std::to_string(::getpid()) + "." + std::to_string(number++));
    fs::create_directories(folder_);
  }
  ~MiniatureData() override { remove_tree(folder_); }
  fs::path file(const std::string& name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

/// A disc of one colour with a soft edge on nothing.
RgbaImage disc(std::array<std::uint8_t, 3> colour, int side = kEmojiSide) {
  RgbaImage picture{side, side, std::vector<std::uint8_t>(4U * side * side), {}};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const double distance = std::hypot(x + 0.5 - side / 2.0, y + 0.5 - side / 2.0);
      auto* pixel = picture.pixels.data() + 4 * (static_cast<std::size_t>(y) * side + x);
      pixel[3] = static_cast<std::uint8_t>(std::clamp(0.4 * side - distance + 0.5, 0.0, 1.0) * 255);
      for (std::size_t c = 0; c < 3; ++c) pixel[c] = pixel[3] > 0 ? colour[c] : 0;
    }
  }
  return picture;
}

std::vector<VocabularyEntry> three_entries() {
  return {{"1f34e", "red apple", "red apple", "food", false, 0, 1.0},
          {"1f3c3-1f3ff-200d-2642", "man running: dark skin tone", "running", "people", true, 5, 0.5},
          {"1f347", "grapes", "grapes", "food", false, 0, 1.0}};
}

void write_three(const fs::path& path) {
  write_pack(path, kEmojiStyles.front(), three_entries(),
             {disc({220, 30, 40}), disc({90, 60, 40}), disc({110, 50, 180})}, 90);
}

EmojiPack pack_in_memory() {
  EmojiPack pack;
  pack.entries = three_entries();
  pack.pictures = {disc({220, 30, 40}), disc({90, 60, 40}), disc({110, 50, 180})};
  pack.prepare();
  return pack;
}

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(MiniatureCaptions, TakeTheRightArticle) {
  EXPECT_EQ(with_article("man walking: dark skin tone"), "a man walking: dark skin tone");
  EXPECT_EQ(with_article("ear of corn"), "an ear of corn");
  EXPECT_EQ(with_article("ear: light skin tone"), "an ear: light skin tone");
  EXPECT_EQ(with_article("clapping hands: dark skin tone"), "clapping hands: dark skin tone");
  EXPECT_EQ(with_article("unicorn"), "a unicorn");
  EXPECT_EQ(with_article("umbrella"), "an umbrella");
  EXPECT_EQ(with_article("hourglass"), "an hourglass");
  EXPECT_EQ(with_article("x-ray"), "an x-ray");
  EXPECT_EQ(with_article("grapes"), "grapes");
  EXPECT_EQ(with_article("statue of liberty"), "the statue of liberty");
}

TEST(MiniatureCaptions, NameTheirScene) {
  const EmojiPack pack = pack_in_memory();
  for (std::size_t entry = 0; entry < pack.entries.size(); ++entry) {
    for (std::size_t background = 0; background < kBackgrounds.size(); ++background) {
      const Scene scene = scene_of_caption(pack, caption(pack, entry, background));
      EXPECT_EQ(scene.entry, entry);
      EXPECT_EQ(scene.background, background);
    }
  }
  EXPECT_EQ(caption(pack, 2, 1), "grapes on an orange background");
  EXPECT_NE(message_of([&] { scene_of_caption(pack, "a pear on a red background"); }).find("pear"),
            std::string::npos);
  EXPECT_NE(message_of([&] { scene_of_caption(pack, "grapes on a mauve background"); }).find("mauve"),
            std::string::npos);
  for (const char* odd : {"", " on a", " on a background", "grapes on a background", "grapes", "on a red"}) {
    EXPECT_THROW(scene_of_caption(pack, odd), Error) << odd;
  }
}

TEST_F(MiniatureData, VocabularyGroupsVariantsAndLeavesOutSigns) {
  write_file_atomically(file("data.json"), R"([
    {"label": "man: red hair", "hexcode": "1F468-200D-1F9B0", "subgroup": 23, "skins": [
      {"label": "man: light skin tone, red hair", "hexcode": "1F468-1F3FB-200D-1F9B0", "tone": 1}]},
    {"label": "woman: red hair", "hexcode": "1F469-200D-1F9B0", "subgroup": 23},
    {"label": "Woman’s hat", "hexcode": "1F452", "subgroup": 65},
    {"label": "no picture", "hexcode": "1F453", "subgroup": 65},
    {"label": "one o’clock", "hexcode": "1F550", "subgroup": 58},
    {"label": "up arrow", "hexcode": "2B06-FE0F", "subgroup": 85},
    {"label": "regional indicator A", "hexcode": "1F1E6"}])");
  const auto entries = read_vocabulary(
      file("data.json"),
      {"1f468-200d-1f9b0", "1f468-1f3fb-200d-1f9b0", "1f469-200d-1f9b0", "1f452", "1f550", "2b06", "1f1e6"});
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].label, "man with red hair");
  EXPECT_EQ(entries[1].label, "man with red hair: light skin tone");
  EXPECT_EQ(entries[1].tone, 1);
  EXPECT_EQ(entries[2].family, entries[1].family);
  EXPECT_NEAR(entries[2].weight, 1 / std::sqrt(3.0), 1e-4);
  EXPECT_EQ(entries[3].label, "woman's hat");
  EXPECT_FALSE(entries[3].is_person);
  EXPECT_EQ(entries[3].weight, 1);
  for (const char* damaged : {"", "{}", "[1]", R"([{"subgroup": 23}])", R"([{"subgroup": "x"}])"}) {
    write_file_atomically(file("data.json"), damaged);
    EXPECT_THROW(read_vocabulary(file("data.json"), {}), Error) << damaged;
  }
}

TEST(MiniatureVocabulary, KnowsWhichToneAPictureShows) {
  EXPECT_EQ(emoji_key("1F3C3-1F3FF-200D-2642-FE0F"), "1f3c3-1f3ff-200d-2642");
  EXPECT_EQ(shown_key("1f34e"), "1f34e");
  EXPECT_EQ(shown_key("1f3c3-1f3fb"), "1f3c3-1f3fb");
  EXPECT_EQ(shown_key("1f3c3-1f3fc-200d-2642"), "1f3c3-1f3fd-200d-2642");
  EXPECT_EQ(shown_key("1f3c3-1f3fd"), "1f3c3-1f3fc");
  EXPECT_EQ(shown_key("1f6b5-1f3fe"), "1f6b5-1f3fc");
  EXPECT_EQ(shown_key("1f6b5-1f3fe-200d-2642"), "1f6b5-1f3fe-200d-2642");
}

TEST_F(MiniatureData, PackComesBack) {
  write_three(file("emoji.pack"));
  const EmojiPack pack = read_pack(file("emoji.pack"));
  const auto expected = three_entries();
  ASSERT_EQ(pack.entries.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(pack.entries[i].key, expected[i].key);
    EXPECT_EQ(pack.entries[i].label, expected[i].label);
    EXPECT_EQ(pack.entries[i].family, expected[i].family);
    EXPECT_EQ(pack.entries[i].group, expected[i].group);
    EXPECT_EQ(pack.entries[i].is_person, expected[i].is_person);
    EXPECT_EQ(pack.entries[i].tone, expected[i].tone);
    EXPECT_EQ(pack.entries[i].weight, expected[i].weight);
    EXPECT_EQ(pack.index.at(expected[i].label), i);
  }
  const auto* middle = pack.pictures[0].pixels.data() + 4 * (64 * kEmojiSide + 64);
  EXPECT_NEAR(middle[0], 220, 6);
  EXPECT_NEAR(middle[1], 30, 6);
  EXPECT_EQ(middle[3], 255);
  EXPECT_EQ(pack.pictures[0].pixels[3], 0);
}

TEST_F(MiniatureData, PackRefusesDamage) {
  write_three(file("emoji.pack"));
  const std::string good = read_file(file("emoji.pack"));
  const auto expect_refused = [&](const std::string& contents, const std::string& what) {
    write_file_atomically(file("bad.pack"), contents);
    const std::string message = message_of([&] { read_pack(file("bad.pack")); });
    EXPECT_NE(message.find("bad.pack"), std::string::npos) << what << ": " << message;
  };
  for (std::size_t length = 0; length < good.size(); length += 97) {
    expect_refused(good.substr(0, length), "cut at " + std::to_string(length));
  }
  expect_refused(good + "x", "a byte too many");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = good;
    changed.replace(changed.find(from), from.size(), to);
    const auto change = to.size() - from.size();  // the header's length follows the edit
    changed[8] = static_cast<char>(changed[8] + static_cast<char>(change & 0xff));
    return changed;
  };
  ASSERT_NE(good.find("\"offset\":0"), std::string::npos);
  expect_refused(with("\"offset\":0", "\"offset\":9"), "a wrong offset");
  expect_refused(with("\"offset\":0", "\"offset\":-1"), "a negative offset");
  expect_refused(with("\"offset\":0", "\"offset\":18446744073709551615"), "an offset that overflows");
  expect_refused(with("\"count\":3", "\"count\":4"), "a wrong count");
  expect_refused(with("\"side\":128", "\"side\":999"), "a wrong side");
  expect_refused(with("\"label\":\"grapes\"", "\"label\":\"red apple\""), "a label twice");
  expect_refused(with("\"tone\":5", "\"tone\":6"), "an impossible tone");
  expect_refused(with("\"weight\":0.5", "\"weight\":-0.5"), "a negative weight");
  expect_refused(with("\"weight\":0.5", "\"weight\":\"5\""), "a weight that is text");
  expect_refused(with("FGEMOJI1", "FGEMOJI2"), "another format");
  std::string huge = good;
  for (std::size_t i = 8; i < 16; ++i) huge[i] = '\xff';
  expect_refused(huge, "a header longer than the file");
  std::string scrambled = good;
  const auto picture = scrambled.find("WEBP");
  for (std::size_t i = picture; i < picture + 60; ++i) scrambled[i] = static_cast<char>(i);
  expect_refused(scrambled, "a damaged picture");
}

TEST(MiniatureSplit, NeverMixes) {
  EmojiPack pack = pack_in_memory();
  hold_back(pack, "# comment\nred apple | blue\n\nman running: dark skin tone | *  # all\n", "list");
  const auto blue = static_cast<std::size_t>(find_background("blue"));
  std::mt19937_64 engine(7);
  std::set<std::size_t> trained, tested;
  for (int i = 0; i < 20'000; ++i) {
    const Scene train = random_scene(pack, engine, Split::train);
    EXPECT_NE(train.entry, 1U);
    EXPECT_FALSE(train.entry == 0 && train.background == blue);
    trained.insert(train.entry * 100 + train.background);
    const Scene test = random_scene(pack, engine, Split::held_back);
    EXPECT_TRUE(test.entry == 1 || (test.entry == 0 && test.background == blue));
    tested.insert(test.entry * 100 + test.background);
  }
  EXPECT_EQ(trained.size(), 23U);
  EXPECT_EQ(tested.size(), 13U);
}

TEST(MiniatureSplit, RefusesListsThatDoNotFit) {
  EmojiPack pack = pack_in_memory();
  EXPECT_NE(message_of([&] { hold_back(pack, "grapes | red\nplum | red\n", "my.txt"); }).find("my.txt:2"),
            std::string::npos);
  EXPECT_THROW(hold_back(pack, "grapes | mauve", "list"), Error);
  EXPECT_THROW(hold_back(pack, "grapes", "list"), Error);
  EXPECT_THROW(hold_back(pack, "grapes | *\nred apple|*\nman running: dark skin tone|*", "list"), Error);
  hold_back(pack, "", "list");
  std::mt19937_64 engine(1);
  EXPECT_THROW(random_scene(pack, engine, Split::held_back), Error);
}

TEST(MiniatureScene, FollowsItsSeed) {
  const EmojiPack pack = pack_in_memory();
  std::mt19937_64 first(42), second(42);
  for (int i = 0; i < 20; ++i) {
    const Scene a = random_scene(pack, first, Split::train), b = random_scene(pack, second, Split::train);
    EXPECT_EQ(caption(pack, a), caption(pack, b));
    EXPECT_EQ(render(pack, a).pixels, render(pack, b).pixels);
    EXPECT_GE(a.scale, 0.78);
    EXPECT_LE(a.scale, 0.95);
  }
  // The standard fixes the engine, our arithmetic the rest: these hold on every platform.
  std::mt19937_64 engine(42);
  const Scene scene = random_scene(pack, engine, Split::train);
  EXPECT_EQ(caption(pack, scene), "grapes on a yellow background");
  EXPECT_DOUBLE_EQ(scene.scale, 0.793);
}

TEST(MiniatureScene, HasNoFringe) {
  // A white disc on white must vanish: any fringe would show as darker pixels along its edge.
  EmojiPack pack = pack_in_memory();
  pack.pictures[0] = disc({250, 250, 250});
  Scene scene;
  scene.rgb = {250, 250, 250};
  for (const int size : {32, 64, 128, 200}) {
    for (const auto value : render(pack, scene, size).pixels) ASSERT_NEAR(value, 250, 1);
  }
}

TEST(MiniatureScene, PutsTheEmojiWhereItSays) {
  const EmojiPack pack = pack_in_memory();
  Scene scene;
  scene.rgb = {48, 104, 220};
  scene.scale = 0.5;
  scene.shift_x = 0.25;
  const Image image = render(pack, scene);
  EXPECT_EQ(image.at(10, 64)[2], 220);
  EXPECT_NEAR(image.at(96, 64)[0], 220, 2);
  // The disc's radius is 0.4 of its frame: 25.6 pixels here.
  EXPECT_NEAR(image.at(96 - 23, 64)[0], 220, 2);
  EXPECT_EQ(image.at(96 - 29, 64)[2], 220);
}

TEST(MiniaturePack, ShrinksWithoutDarkening) {
  const RgbaImage small = shrink_emoji(disc({200, 100, 50}, 256));
  ASSERT_EQ(small.width, kEmojiSide);
  for (std::size_t i = 0; i < small.pixels.size(); i += 4) {
    if (small.pixels[i + 3] < 128) continue;
    EXPECT_NEAR(small.pixels[i], 200, 4);
    EXPECT_NEAR(small.pixels[i + 2], 50, 4);
  }
}

TEST(MiniatureHeldBack, CommittedListKeepsWhatTheDocumentsPromise) {
  const std::string list = read_file(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/held_back.txt");
  for (const char* line : {"\nman walking: dark skin tone | *\n", "\nman running: dark skin tone | blue\n",
                           "\nman running: medium-dark skin tone | *\n", "\ncat face | blue\n",
                           "\ndog face | green\n", "\nred apple | blue\n"}) {
    EXPECT_NE(list.find(line), std::string::npos) << line;
  }
}

TEST_F(MiniatureData, IconsBecomeSvgFilesNamedByCodePoints) {
  fs::create_directories(file("set"));
  write_file_atomically(file("set/chars.json"),
                        R"({"1f34e": "red-apple", "1F3C3-200d-2642-fe0f": "runner"})");
  const auto write_icons = [&](const std::string& aliases) {
    write_file_atomically(
        file("set/icons.json"),
        R"({"width": 32, "height": 32, "icons": {"red-apple": {"body": "<path/>", "height": 33}},)"
        R"( "aliases": )" +
            aliases + "}");
  };
  write_icons(R"({"runner": {"parent": "red-apple"}})");
  EXPECT_EQ(write_iconify_svgs(file("set"), file("svg")), 2U);
  const auto svg = read_file(file("svg/1f34e.svg"));
  EXPECT_NE(svg.find("viewBox=\"0 0 32 33\"><path/></svg>"), std::string::npos) << svg;
  EXPECT_EQ(read_file(file("svg/1f3c3-200d-2642.svg")), svg);
  write_icons(R"({"runner": {"parent": "red-apple", "hFlip": true}})");
  EXPECT_NE(message_of([&] { write_iconify_svgs(file("set"), file("svg")); }).find("a transformed alias"),
            std::string::npos);
  write_icons("{}");
  EXPECT_NE(message_of([&] { write_iconify_svgs(file("set"), file("svg")); }).find("runner"),
            std::string::npos);
}

TEST_F(MiniatureData, APackKnowsItsStyleAndCanBeLossless) {
  const std::vector<RgbaImage> pictures{disc({220, 30, 40}), disc({90, 60, 40}), disc({110, 50, 180})};
  write_pack(file("noto"), emoji_style("noto"), three_entries(), pictures, 100);
  const auto pack = read_pack(file("noto"));
  EXPECT_EQ(pack.style, "noto");
  EXPECT_EQ(pack.pictures[1].pixels, pictures[1].pixels);
  write_three(file("own"));
  EXPECT_EQ(read_pack(file("own")).style, "3d");
  EXPECT_THROW(emoji_style("wood"), Error);
}

}  // namespace
}  // namespace forgedit
