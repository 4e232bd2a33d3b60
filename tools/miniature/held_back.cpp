#include "tools/miniature/held_back.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

constexpr std::uint32_t kAllBackgrounds = (1U << kBackgrounds.size()) - 1;
constexpr int kSmallestFamily = 9;

/// Held back on every background whatever the hashes say: the README's edit, and two cat faces whose
/// expressions are also trained on plain faces.
constexpr std::array<std::string_view, 4> kAlways = {"man walking: dark skin tone",
                                                     "man running: medium-dark skin tone",
                                                     "smiling cat with heart-eyes", "cat with tears of joy"};

/// Pairs held back whatever the hashes say.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kAlwaysPairs = {
    {{"cat face", "blue"},
     {"dog face", "green"},
     {"red apple", "blue"},
     {"man running: dark skin tone", "blue"}}};

/// How many further pairs each group gives up.
const std::map<std::string_view, int>& pairs_per_group() {
  static const std::map<std::string_view, int> counts = {{"activities", 26}, {"faces", 24},  {"food", 32},
                                                         {"hands", 12},      {"nature", 40}, {"objects", 36},
                                                         {"people", 56},     {"places", 24}};
  return counts;
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char byte : text) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  }
  // FNV's high bits barely depend on the last letters, and we sort by them: stir once more.
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93U;
  return hash ^ hash >> 32;
}

void hold_back_line(EmojiPack& pack, std::string_view line) {
  const auto bar = line.find('|');
  if (bar == std::string_view::npos) throw failure("expected \"label | colour\"");
  const std::string label(trimmed(line.substr(0, bar)));
  const std::string_view colour = trimmed(line.substr(bar + 1));
  const auto entry = pack.index.find(label);
  if (entry == pack.index.end()) throw failure("the pack has no emoji \"" + label + "\"");
  const int background = find_background(colour);
  if (background < 0 && colour != "*")
    throw failure("no background is called \"" + std::string(colour) + "\"");
  pack.held_back[entry->second] |= colour == "*" ? kAllBackgrounds : 1U << background;
}

/// The labels held back on every background.
std::set<std::string> choose_labels(const EmojiPack& pack) {
  std::map<std::string, std::vector<const VocabularyEntry*>> families;
  for (const auto& entry : pack.entries) {
    if (entry.is_person) families[entry.family].push_back(&entry);
  }
  std::set<std::string> chosen;
  std::set<std::string> done;
  for (const auto label : kAlways) {
    const auto found = pack.index.find(std::string(label));
    if (found == pack.index.end()) continue;
    chosen.emplace(label);
    done.insert(pack.entries[found->second].family);
  }
  for (auto& [family, members] : families) {
    std::erase_if(members, [](const auto* entry) { return entry->tone == 0; });
    if (static_cast<int>(members.size()) < kSmallestFamily || done.contains(family)) continue;
    chosen.insert((*std::min_element(members.begin(), members.end(), [](const auto* a, const auto* b) {
                    return fnv1a(a->label) < fnv1a(b->label);
                  }))->label);
  }
  return chosen;
}

using LabelAndColour = std::pair<std::string, std::string>;

std::vector<LabelAndColour> choose_pairs(const EmojiPack& pack, const std::set<std::string>& whole) {
  std::vector<LabelAndColour> pairs;
  std::set<std::string> taken = whole;
  for (const auto& [label, colour] : kAlwaysPairs) {
    if (pack.index.contains(std::string(label)) && taken.emplace(label).second)
      pairs.emplace_back(label, colour);
  }
  std::map<std::string_view, std::vector<std::pair<std::uint64_t, LabelAndColour>>> ranked;
  for (const auto& entry : pack.entries) {
    for (const auto& colour : kBackgrounds) {
      LabelAndColour pair(entry.label, colour.name);
      const auto rank = fnv1a(entry.label + " | " + std::string(colour.name));
      ranked[entry.group].emplace_back(rank, std::move(pair));
    }
  }
  for (const auto& [group, count] : pairs_per_group()) {
    auto& candidates = ranked[group];
    std::sort(candidates.begin(), candidates.end());
    int left = count;
    for (const auto& [rank, pair] : candidates) {
      if (left > 0 && taken.insert(pair.first).second) {
        pairs.push_back(pair);
        --left;
      }
    }
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

}  // namespace

void hold_back(EmojiPack& pack, std::string_view list, const std::string& name) {
  pack.held_back.assign(pack.entries.size(), 0);
  pack.entries_held_back.clear();
  for (int number = 1; !list.empty(); ++number) {
    const auto end = std::min(list.find('\n'), list.size());
    const std::string_view line = trimmed(list.substr(0, std::min(end, list.find('#'))));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (line.empty()) continue;
    try {
      hold_back_line(pack, line);
    } catch (const Error& error) {
      throw failure(name + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  double trained = 0;
  for (std::size_t i = 0; i < pack.entries.size(); ++i) {
    if (pack.held_back[i] != 0) pack.entries_held_back.push_back(i);
    if (pack.held_back[i] != kAllBackgrounds) trained += pack.entries[i].weight;
  }
  if (trained <= 0) throw failure(name + ": nothing is left to train on");
}

void hold_back(EmojiPack& pack, const std::filesystem::path& list) {
  hold_back(pack, read_file(list), list.string());
}

std::string choose_held_back(const EmojiPack& pack) {
  const auto labels = choose_labels(pack);
  const auto pairs = choose_pairs(pack, labels);
  std::string list =
      "# What the miniature never sees in training: \"label | background\", * for all backgrounds.\n"
      "# Chosen once by `forgedit_miniature_data held-back`; do not regenerate, or old scores mean nothing.\n"
      "\n# On every background\n";
  for (const auto& label : labels) list += label + " | *\n";
  list += "\n# On one background\n";
  for (const auto& [label, colour] : pairs) list += label + " | " + colour + "\n";
  return list;
}

}  // namespace forgedit
