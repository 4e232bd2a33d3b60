#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// One emoji that the miniature learns.
struct VocabularyEntry {
  std::string key;         ///< code points in lower-case hex joined by '-', without fe0f
  std::string label;       ///< lower-case noun phrase without article: "man walking: dark skin tone"
  std::string family;      ///< label without tone and gender: "walking"; variants of a family share weight
  std::string group;       ///< faces, hands, people, nature, food, places, activities or objects
  bool is_person = false;  ///< a whole person, so that tone and mostly gender can be varied
  int tone = 0;            ///< 0 none (yellow), 1 light ... 5 dark
  double weight = 1;       ///< how often it is drawn, relative to the others
};

/// Reads emojibase's `data.json` and keeps what can be drawn and recognised: no flags, keycaps, clock faces,
/// signs, letters or groups of people. Only pictures in `available` (keys as above) count.
/// A family of n variants weighs n^-0.5 per entry, hence sqrt(n) in all: the 18 variants of an action come
/// about four times as often as a single object, not 18 times.
/// Throws Error naming the file and what is wrong with it.
std::vector<VocabularyEntry> read_vocabulary(const std::filesystem::path& data_json,
                                             const std::set<std::string>& available);

/// "1F3C3-1F3FF-200D-2642-FE0F" -> "1f3c3-1f3ff-200d-2642".
std::string emoji_key(std::string_view code_points);

/// The key of what a picture of Fluent Emoji 3D 1.1.0 shows, given the key in its file name. The package has
/// medium-light and medium skin exchanged in every emoji, and one emoji's five tones in another order.
std::string shown_key(const std::string& file_key);

/// "a man walking: dark skin tone", "an ear of corn", "grapes".
std::string with_article(std::string_view label);

}  // namespace forgedit
