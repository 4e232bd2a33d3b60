#include "tools/miniature/vocabulary.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "tools/miniature/word_lists.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kTones = {"",
                                                    "light skin tone",
                                                    "medium-light skin tone",
                                                    "medium skin tone",
                                                    "medium-dark skin tone",
                                                    "dark skin tone"};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return text.starts_with(beginning); });
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// The group of emojibase's subgroup number (its meta/groups.json), empty for subgroups that we leave out.
std::string_view group_of(int subgroup) {
  if (subgroup < 0) return "";
  if (subgroup <= 15) return "faces";
  if (subgroup <= 22) return "hands";
  if (subgroup <= 29) return "people";
  if (subgroup <= 33) return "";  // families, silhouettes, bare skin tones and hair styles
  if (subgroup <= 41) return "nature";
  if (subgroup <= 48) return "food";
  if (subgroup <= 59) return "places";
  if (subgroup <= 64) return "activities";
  if (subgroup <= 82) return "objects";
  return "";  // signs, arrows, zodiac, punctuation, keycaps, letters, shapes, flags
}

/// emojibase's label as a plain lower-case noun phrase: "man: red hair" -> "man with red hair".
std::string noun_phrase(const std::string& original) {
  std::string label = replaced(replaced(original, "\u2019", "'"), "\u00f1", "n");
  std::transform(label.begin(), label.end(), label.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (const auto renamed = renamed_labels().find(label); renamed != renamed_labels().end()) {
    return std::string(renamed->second);
  }
  const auto colon = label.find(": ");
  if (colon == std::string::npos) return label;
  const std::string who = label.substr(0, colon), what = label.substr(colon + 2);
  if (what == "bald") return "bald " + who;
  return who + (what == "beard" ? " with a " : " with ") + what;
}

std::string family_of(const std::string& label, bool is_person) {
  if (!is_person) return label;
  if (const auto irregular = irregular_families().find(label); irregular != irregular_families().end()) {
    return std::string(irregular->second);
  }
  for (const std::string_view who : {"man", "woman", "person"}) {
    if (label.starts_with(std::string(who) + " ")) return label.substr(who.size() + 1);
    if (label.ends_with(" " + std::string(who))) return label.substr(0, label.size() - who.size() - 1);
  }
  return label;
}

bool wanted(const std::string& label) {
  if (left_out_labels().contains(label)) return false;
  if (label.find("facing right") != std::string::npos) return false;
  return !starts_with_any(label, {"people ", "men ", "women ", "family", "couple"}) &&
         !label.ends_with("o'clock") && !label.ends_with("-thirty");
}

/// Adds `item` (an emoji or one of its skin-tone variants) when its picture exists.
void add(std::vector<VocabularyEntry>& entries, const json& item, VocabularyEntry entry,
         const std::set<std::string>& available) {
  entry.key = emoji_key(item.at("hexcode").get<std::string>());
  if (!available.contains(entry.key)) return;
  if (const auto tone = item.find("tone"); tone != item.end()) {
    if (!tone->is_number_integer()) return;  // two people with a tone each
    entry.tone = tone->get<int>();
    if (entry.tone < 1 || entry.tone > 5) throw failure("tone " + tone->dump() + ", expected 1 to 5");
    entry.label += ": " + std::string(kTones[static_cast<std::size_t>(entry.tone)]);
  }
  entries.push_back(std::move(entry));
}

void share_weight(std::vector<VocabularyEntry>& entries) {
  std::map<std::string, int> sizes;
  for (const auto& entry : entries) ++sizes[entry.family];
  for (auto& entry : entries) {
    // Four digits: short in the pack's header, and the same number whatever the machine's pow gives.
    entry.weight = std::round(1e4 / std::sqrt(sizes[entry.family])) / 1e4;
  }
}

}  // namespace

std::string emoji_key(std::string_view code_points) {
  std::string key;
  while (!code_points.empty()) {
    const auto end = std::min(code_points.find('-'), code_points.size());
    std::string part(code_points.substr(0, end));
    std::transform(part.begin(), part.end(), part.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    if (part != "fe0f") key += (key.empty() ? "" : "-") + part;
    code_points.remove_prefix(std::min(end + 1, code_points.size()));
  }
  return key;
}

std::string shown_key(const std::string& file_key) {
  // Last digit of the tone's code point, 1f3fb light to 1f3ff dark: as named -> as shown.
  static const std::map<char, char> exchanged = {{'c', 'd'}, {'d', 'c'}};
  static const std::map<char, char> mountain_biker = {
      {'b', 'f'}, {'c', 'd'}, {'d', 'e'}, {'e', 'c'}, {'f', 'b'}};
  constexpr std::string_view kTone = "-1f3f";
  const auto tone = file_key.find(kTone);
  if (tone == std::string::npos || tone + kTone.size() >= file_key.size()) return file_key;
  std::string key = file_key;
  char& digit = key[tone + kTone.size()];
  const bool ends_here = tone + kTone.size() + 1 == key.size();
  const auto& shown = key.starts_with("1f6b5-") && ends_here ? mountain_biker : exchanged;
  if (const auto found = shown.find(digit); found != shown.end()) digit = found->second;
  return key;
}

std::string with_article(std::string_view label) {
  const std::string_view thing = label.substr(0, label.find(": "));
  if (labels_without_article().contains(thing)) return std::string(label);
  if (labels_with_the().contains(thing)) return "the " + std::string(label);
  const bool vowel_letter = std::string_view("aeiou").find(label.front()) != std::string_view::npos;
  const bool sounds_as_consonant = starts_with_any(label, {"uni", "eu", "ewe", "one-"});
  const bool sounds_as_vowel = starts_with_any(label, {"hour", "herb", "x-ray"});
  return ((vowel_letter && !sounds_as_consonant) || sounds_as_vowel ? "an " : "a ") + std::string(label);
}

std::vector<VocabularyEntry> read_vocabulary(const std::filesystem::path& data_json,
                                             const std::set<std::string>& available) {
  const json data = json::parse(read_file(data_json), nullptr, false);
  if (!data.is_array()) throw failure(data_json.string() + ": expected emojibase's list of emoji");
  std::vector<VocabularyEntry> entries;
  try {
    for (const json& item : data) {
      VocabularyEntry entry;
      entry.group = group_of(item.value("subgroup", -1));
      entry.label = noun_phrase(item.at("label").get<std::string>());
      if (entry.group.empty() || !wanted(entry.label)) continue;
      entry.is_person = entry.group == "people";
      entry.family = family_of(entry.label, entry.is_person);
      if (entry.is_person && left_out_families().contains(entry.family)) continue;
      add(entries, item, entry, available);
      for (const json& skin : item.value("skins", json::array())) add(entries, skin, entry, available);
    }
  } catch (const std::exception& error) {
    throw failure(data_json.string() + ": " + error.what());
  }
  share_weight(entries);
  return entries;
}

}  // namespace forgedit
