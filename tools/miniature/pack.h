#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "tools/miniature/vocabulary.h"

namespace forgedit {

/// Side of a picture in the pack.
inline constexpr int kEmojiSide = 128;

/// A background that captions can name.
struct BackgroundColour {
  std::string_view name;
  std::array<std::uint8_t, 3> rgb;
};

/// All backgrounds; far enough apart to stay distinct under the small jitter of training scenes.
inline constexpr std::array<BackgroundColour, 12> kBackgrounds = {{{"red", {208, 44, 48}},
                                                                   {"orange", {242, 140, 36}},
                                                                   {"yellow", {246, 216, 66}},
                                                                   {"green", {72, 168, 62}},
                                                                   {"blue", {48, 104, 220}},
                                                                   {"purple", {128, 66, 182}},
                                                                   {"pink", {246, 150, 194}},
                                                                   {"brown", {118, 74, 44}},
                                                                   {"black", {24, 24, 28}},
                                                                   {"white", {246, 246, 246}},
                                                                   {"grey", {138, 140, 146}},
                                                                   {"teal", {16, 148, 150}}}};

/// Index of a background in kBackgrounds, -1 for an unknown name.
int find_background(std::string_view name);

/// A family of emoji pictures.
struct EmojiStyle {
  std::string_view name;
  std::string_view credits;
  bool tones_exchanged;  ///< the files' names do not say the skin tones that they show: shown_key() does
};

/// The first is the one that the miniature learns.
inline constexpr std::array<EmojiStyle, 3> kEmojiStyles = {
    {{"3d", "Fluent Emoji, (c) Microsoft Corporation, MIT licence", true},
     {"flat", "Fluent Emoji Flat, (c) Microsoft Corporation, MIT licence", false},
     {"noto", "Noto Emoji, (c) Google Inc, Apache License 2.0", false}}};

/// Throws a usage Error for an unknown name.
const EmojiStyle& emoji_style(std::string_view name);

/// Pictures in one style, and the words of them that the miniature knows.
struct EmojiPack {
  std::string style{kEmojiStyles.front().name};
  std::vector<VocabularyEntry> entries;
  std::vector<RgbaImage> pictures;                     ///< kEmojiSide square, one for each entry
  std::unordered_map<std::string, std::size_t> index;  ///< label -> entry
  std::vector<double> cumulative_weight;               ///< running sum of the entries' weights
  std::vector<std::uint32_t> held_back;                ///< bit c: the entry on background c is not trained
  std::vector<std::size_t> entries_held_back;          ///< those with any bit set

  /// Fills index, cumulative_weight and an empty held_back from entries. Throws Error on a repeated label.
  void prepare();
};

/// Halves a picture with transparency to kEmojiSide by Lanczos on premultiplied colour.
RgbaImage shrink_emoji(const RgbaImage& picture);

/// Writes entries and pictures as one file: magic, header length, JSON header, WebP pictures.
/// `quality` is WebP's, 0 to 100; 100 is lossless.
void write_pack(const std::filesystem::path& path, const EmojiStyle& style,
                const std::vector<VocabularyEntry>& entries, const std::vector<RgbaImage>& pictures,
                float quality);

/// Reads and decodes a whole pack. Throws Error naming the file when anything in it does not add up.
EmojiPack read_pack(const std::filesystem::path& path);

}  // namespace forgedit
