#include "tools/miniature/miniedit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <tuple>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/encode_webp.h"
#include "tools/miniature/scene.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kDistractors = 10;
constexpr std::size_t kMostTones = 2, kBackgroundsBeside = 2, kBackgroundsOfBackgroundEdit = 4, kAlike = 4;
/// Root mean square over all 8-bit values: under this two pictures are too alike to tell answers apart.
constexpr double kSmallestDifference = 8;
constexpr int kQuality = 95;                       // WebP, of pictures that are only compared with
constexpr int kTonesApart = 2;                     // neighbouring skin tones differ by less
constexpr int kMinInside = 820, kMaxInside = 920;  // thousandths of the side; wholly inside
constexpr int kChannelJitter = 6;                  // of a background's channels, as in training

/// What a caption names.
struct Subject {
  std::size_t entry = 0, background = 0;
  bool operator==(const Subject&) const = default;
};

struct Line {
  const EmojiPack* pack = nullptr;  // of its style
  bool has_style = false;           // the list names it
  std::string kind;
  Subject source, truth;
};

Subject subject_of(const EmojiPack& pack, std::string_view text) {
  const Scene scene = scene_of_caption(pack, trimmed(text));
  return {scene.entry, scene.background};
}

const EmojiPack& pack_of(const std::vector<EmojiPack>& packs, std::string_view style) {
  for (const auto& pack : packs) {
    if (pack.style == style) return pack;
  }
  throw failure("no pack has the style \"" + std::string(style) + "\"");
}

Line parse_line(const std::vector<EmojiPack>& packs, std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = std::min(text.find('|'), text.size());
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  const bool has_style = parts.size() == 4;
  if (parts.size() != 3 && !has_style)
    throw failure("expected \"kind | source caption | target caption\", or \"style | \" before it");
  const auto& pack = has_style ? pack_of(packs, parts.front()) : packs.front();
  if (has_style) parts.erase(parts.begin());
  Line line{&pack, has_style, std::string(parts[0]), subject_of(pack, parts[1]), subject_of(pack, parts[2])};
  constexpr std::array<std::string_view, 5> kKinds = {"action", "object", "attribute", "background", "two"};
  if (std::find(kKinds.begin(), kKinds.end(), line.kind) == kKinds.end())
    throw failure("no kind of edit is called \"" + line.kind + "\"");
  if (line.source == line.truth) throw failure("source and target are the same");
  return line;
}

std::vector<Line> parse_list(const std::vector<EmojiPack>& packs, std::string_view list,
                             const std::string& name) {
  std::vector<Line> lines;
  for (int number = 1; !list.empty(); ++number) {
    const auto end = std::min(list.find('\n'), list.size());
    const std::string_view text = trimmed(list.substr(0, std::min(end, list.find('#'))));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (text.empty()) continue;
    try {
      lines.push_back(parse_line(packs, text));
    } catch (const Error& error) {
      throw failure(name + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (lines.empty()) throw failure(name + ": no edits");
  return lines;
}

/// "man walking: dark skin tone" -> "man walking".
std::string stem(const VocabularyEntry& entry) {
  return entry.label.substr(0, entry.label.find(": "));
}

/// "man", "woman", or nothing where the label leaves it open.
std::string gender(const VocabularyEntry& entry) {
  const std::string words = " " + stem(entry) + " ";
  for (const char* word : {"woman", "man"}) {
    if (words.find(std::string(" ") + word + " ") != std::string::npos) return word;
  }
  return "";
}

/// What a label says beside the gender: "man walking" -> "walking".
std::set<std::string> words_of(const VocabularyEntry& entry) {
  static const std::set<std::string> kLittle = {"a",  "and", "face",   "in",   "man",
                                                "of", "on",  "person", "with", "woman"};
  std::istringstream text(stem(entry));
  std::set<std::string> words;
  for (std::string word; text >> word;) {
    if (!kLittle.contains(word)) words.insert(word);
  }
  return words;
}

/// Whether two labels share a word, or both say what somebody does.
bool is_alike(const VocabularyEntry& left, const VocabularyEntry& right) {
  const auto words = words_of(left), others = words_of(right);
  const auto is_doing = [](const std::string& word) { return word.ends_with("ing"); };
  return std::any_of(words.begin(), words.end(), [&](const auto& word) { return others.contains(word); }) ||
         (left.is_person && std::any_of(words.begin(), words.end(), is_doing) &&
          std::any_of(others.begin(), others.end(), is_doing));
}

/// Fisher-Yates on the engine's own bits: the same order on every machine, unlike std::shuffle.
template <typename Value>
void shuffle(std::vector<Value>& values, std::mt19937_64& engine) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[(engine() >> 8) % i]);
}

/// A source's place and light, shared by all pictures around it; and what stands beside a truth.
class Neighbourhood {
 public:
  /// The same seed gives the same place in every style.
  Neighbourhood(const EmojiPack& pack, std::uint64_t seed) : pack_(pack), engine_(seed) {
    const auto draw = [&](int low, int high) {
      return low + static_cast<int>((engine_() >> 8) % static_cast<std::uint64_t>(high - low + 1));
    };
    const int scale = draw(kMinInside, kMaxInside), reach = (1000 - scale) / 2;
    place_.scale = scale / 1000.0;
    place_.shift_x = draw(-reach, reach) / 1000.0;
    place_.shift_y = draw(-reach, reach) / 1000.0;
    for (auto& offset : jitter_) offset = draw(-kChannelJitter, kChannelJitter);
  }

  const EmojiPack& pack() const { return pack_; }

  Image picture(const Subject& subject) const {
    Scene scene = place_;
    scene.entry = subject.entry;
    scene.background = subject.background;
    for (std::size_t c = 0; c < 3; ++c) {
      const int channel = kBackgrounds[subject.background].rgb[c] + jitter_[c];
      scene.rgb[c] = static_cast<std::uint8_t>(std::clamp(channel, 0, 255));
    }
    return render(pack_, scene);
  }

  std::vector<Subject> distractors(const Line& line) const {
    Chosen chosen(*this, {line.source, line.truth});
    const auto& [source, truth] = std::pair(line.source, line.truth);
    // 1. Half of the edit
    if (source.entry != truth.entry && source.background != truth.background) {
      chosen.add({truth.entry, source.background});
      chosen.add({source.entry, truth.background});
    }
    // 2. What the edit asks for, done otherwise
    if (same_family(line) && entry(source).tone != entry(truth).tone) chosen.add(tones_of(truth), kMostTones);
    if (same_family(line) && stem(entry(source)) != stem(entry(truth)))
      chosen.add(stems_of(truth), kMostTones);
    // 3. Other backgrounds
    auto engine = engine_;  // a copy: all edits of a source go through the same order, so pictures are shared
    std::vector<Subject> backgrounds;
    for (std::size_t b = 0; b < kBackgrounds.size(); ++b) backgrounds.push_back({truth.entry, b});
    shuffle(backgrounds, engine);
    chosen.add(backgrounds, source.entry == truth.entry ? kBackgroundsOfBackgroundEdit : kBackgroundsBeside);
    // 4. Others in the truth's place: first what is called alike, then what is of the same kind
    auto others = subjects(truth, [&](const VocabularyEntry& other) { return is_beside(other, truth); });
    shuffle(others, engine);
    std::vector<Subject> alike;
    for (const auto& other : others) {
      if (is_alike(entry(other), entry(truth)) || is_alike(entry(other), entry(source)))
        alike.push_back(other);
    }
    chosen.add(alike, kAlike);
    chosen.add(others, kDistractors);
    return chosen.subjects(kDistractors);
  }

  /// Pictures that differ from the truth only in what the edit should have kept: skin tone and gender.
  std::vector<Subject> identities(const Line& line) const {
    Chosen chosen(*this, {line.truth});
    if (!entry(line.truth).is_person) return {};
    const bool same = same_family(line);
    if (!same || entry(line.source).tone == entry(line.truth).tone)
      chosen.add(tones_of(line.truth), kMostTones);
    if (!same || stem(entry(line.source)) == stem(entry(line.truth)))
      chosen.add(stems_of(line.truth), kMostTones);
    return chosen.subjects(2 * kMostTones);
  }

 private:
  /// Subjects far enough from each other and from those that were there first.
  class Chosen {
   public:
    Chosen(const Neighbourhood& around, std::vector<Subject> first)
        : around_(around), all_(std::move(first)), given_(all_.size()) {
      for (const auto& subject : all_) pictures_.push_back(around_.picture(subject));
    }
    bool add(const Subject& subject) {
      if (all_.size() >= given_ + kDistractors) return false;
      if (std::find(all_.begin(), all_.end(), subject) != all_.end()) return false;
      auto picture = around_.picture(subject);
      for (const auto& other : pictures_) {
        if (difference(picture, other) < kSmallestDifference) return false;
      }
      all_.push_back(subject);
      pictures_.push_back(std::move(picture));
      return true;
    }
    void add(const std::vector<Subject>& subjects, std::size_t most) {
      for (const auto& subject : subjects) {
        if (most > 0 && add(subject)) --most;
      }
    }
    std::vector<Subject> subjects(std::size_t most) const {
      const auto count = std::min(most, all_.size() - given_);
      const auto first = all_.begin() + static_cast<std::ptrdiff_t>(given_);
      return {first, first + static_cast<std::ptrdiff_t>(count)};
    }

   private:
    static double difference(const Image& left, const Image& right) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < left.pixels.size(); ++i) {
        const int gap = left.pixels[i] - right.pixels[i];
        sum += gap * gap;
      }
      return std::sqrt(static_cast<double>(sum) / static_cast<double>(left.pixels.size()));
    }
    const Neighbourhood& around_;
    std::vector<Subject> all_;
    std::vector<Image> pictures_;
    std::size_t given_;
  };

  const VocabularyEntry& entry(const Subject& subject) const { return pack_.entries[subject.entry]; }

  bool same_family(const Line& line) const {
    return entry(line.truth).is_person && entry(line.source).family == entry(line.truth).family;
  }

  bool is_beside(const VocabularyEntry& other, const Subject& truth) const {
    const auto& like = entry(truth);
    if (other.group != like.group || other.family == like.family) return false;
    if (!like.is_person) return other.tone == 0;
    return other.tone == like.tone && gender(other) == gender(like);
  }

  template <typename Filter>
  std::vector<Subject> subjects(const Subject& like, Filter filter) const {
    std::vector<Subject> found;
    for (std::size_t i = 0; i < pack_.entries.size(); ++i) {
      if (filter(pack_.entries[i])) found.push_back({i, like.background});
    }
    return found;
  }

  /// The same person in other skin, most different first.
  std::vector<Subject> tones_of(const Subject& truth) const {
    const auto apart = [&](const VocabularyEntry& other) { return std::abs(other.tone - entry(truth).tone); };
    auto found = subjects(truth, [&](const VocabularyEntry& other) {
      return other.family == entry(truth).family && stem(other) == stem(entry(truth)) && other.tone > 0 &&
             apart(other) >= kTonesApart;
    });
    std::stable_sort(found.begin(), found.end(),
                     [&](const auto& a, const auto& b) { return apart(entry(a)) > apart(entry(b)); });
    return found;
  }

  /// The same skin and doing, another gender.
  std::vector<Subject> stems_of(const Subject& truth) const {
    return subjects(truth, [&](const VocabularyEntry& other) {
      return other.family == entry(truth).family && other.tone == entry(truth).tone &&
             stem(other) != stem(entry(truth));
    });
  }

  const EmojiPack& pack_;
  std::mt19937_64 engine_;
  Scene place_;
  std::array<int, 3> jitter_{};
};

std::string file_part(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) name += c;
    if (!plain && !name.empty() && name.back() != '-') name += '-';
  }
  return name;
}

std::string two_digits(std::size_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

/// A subject of a style's pack in the place of the source with this number.
using Placed = std::tuple<std::size_t, const EmojiPack*, std::size_t, std::size_t>;

/// Writes pictures, each once: sources and truths exactly, all others in a third of the bytes.
class Writer {
 public:
  Writer(fs::path folder, std::set<Placed> exact) : folder_(std::move(folder)), exact_(std::move(exact)) {}

  json add(const Neighbourhood& around, std::size_t source, const Subject& subject,
           const std::string& style = "") const {
    const auto& pack = around.pack();
    const auto& label = pack.entries[subject.entry].label;
    const bool exact = exact_.contains({source, &pack, subject.entry, subject.background});
    const auto file =
        "pictures/" + two_digits(source) + "-" +
        file_part(style + " " + label + " " + std::string(kBackgrounds[subject.background].name)) +
        (exact ? ".png" : ".webp");
    if (const auto path = folder_ / file; exact) {
      write_png(path, around.picture(subject));
    } else {
      write_file_atomically(path, encode_webp(around.picture(subject), kQuality));
    }
    return {{"picture", file}, {"text", caption(pack, subject.entry, subject.background)}};
  }

 private:
  fs::path folder_;
  std::set<Placed> exact_;
};

std::string split_of(const Line& line) {
  if (line.has_style) return "unseen style: " + line.pack->style;
  const auto& pack = *line.pack;
  const auto is_held_back = [&](const Subject& subject) {
    return (pack.held_back[subject.entry] >> subject.background & 1U) != 0;
  };
  if (!is_held_back(line.truth)) return "trained";
  return is_held_back(line.source) ? "held back" : "truth held back";
}

/// Numbers the sources in the order of their first edits, from 1.
std::vector<std::size_t> number_sources(const std::vector<Line>& lines) {
  std::map<std::tuple<const EmojiPack*, std::size_t, std::size_t>, std::size_t> known;
  std::vector<std::size_t> numbers;
  for (const auto& line : lines) {
    const std::tuple source(line.pack, line.source.entry, line.source.background);
    numbers.push_back(known.emplace(source, known.size() + 1).first->second);
  }
  return numbers;
}

class EditWriter {
 public:
  EditWriter(const std::vector<EmojiPack>& packs, std::vector<Line> lines, std::string name,
             std::uint64_t seed, const fs::path& folder)
      : packs_(packs),
        lines_(std::move(lines)),
        numbers_(number_sources(lines_)),
        name_(std::move(name)),
        seed_(seed),
        writer_(folder, exact()) {}

  json write(std::size_t i) const {
    const auto& line = lines_[i];
    const auto& pack = *line.pack;
    const auto number = numbers_[i];
    const auto style = line.has_style ? pack.style : "";
    const Neighbourhood around(pack, seed_ * 1000 + number);
    const auto distractors = around.distractors(line);
    if (distractors.size() < kDistractors) {
      throw failure(name_ + ": fewer than ten distractors for " +
                    caption(pack, line.truth.entry, line.truth.background));
    }
    const auto& label = pack.entries[line.truth.entry].label;
    const auto& colour = kBackgrounds[line.truth.background].name;
    const auto add_all = [&](const std::vector<Subject>& subjects) {
      json all = json::array();
      for (const auto& subject : subjects) all.push_back(writer_.add(around, number, subject, style));
      return all;
    };
    json edit{{"id", two_digits(i + 1) + "-" +
                         file_part(style + " " + line.kind + " " + label + " " + std::string(colour))},
              {"kind", line.kind},
              {"split", split_of(line)},
              {"source", writer_.add(around, number, line.source, style)},
              {"truth", writer_.add(around, number, line.truth, style)},
              {"distractors", add_all(distractors)},
              {"identities", add_all(around.identities(line))}};
    if (line.has_style) edit["styles"] = other_styles(line, number);
    return edit;
  }

 private:
  std::set<Placed> exact() const {
    std::set<Placed> placed;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      for (const auto& subject : {lines_[i].source, lines_[i].truth})
        placed.insert({numbers_[i], lines_[i].pack, subject.entry, subject.background});
    }
    return placed;
  }

  /// The truth as the other families draw it, in the same place.
  json other_styles(const Line& line, std::size_t number) const {
    json all = json::array();
    const auto& label = line.pack->entries[line.truth.entry].label;
    for (const auto& pack : packs_) {
      const auto found = pack.index.find(label);
      if (pack.style == line.pack->style || found == pack.index.end()) continue;
      const Neighbourhood around(pack, seed_ * 1000 + number);
      all.push_back(writer_.add(around, number, {found->second, line.truth.background}, pack.style));
    }
    if (all.empty()) throw failure(name_ + ": no other style has \"" + label + "\"");
    return all;
  }

  const std::vector<EmojiPack>& packs_;
  std::vector<Line> lines_;
  std::vector<std::size_t> numbers_;
  std::string name_;
  std::uint64_t seed_;
  Writer writer_;
};

}  // namespace

void write_miniedit(const std::vector<EmojiPack>& packs, std::string_view list, const std::string& name,
                    std::uint64_t seed, const fs::path& folder) {
  const auto lines = parse_list(packs, list, name);
  make_directory(folder);
  if (!fs::is_empty(folder)) throw usage_error(folder.string() + ": expected an empty folder");
  make_directory(folder / "pictures");
  const bool has_styles =
      std::any_of(lines.begin(), lines.end(), [](const Line& line) { return line.has_style; });
  const EditWriter writer(packs, lines, name, seed, folder);
  json edits = json::array();
  for (std::size_t i = 0; i < lines.size(); ++i) edits.push_back(writer.write(i));
  // Last: without it the folder is no data set.
  const auto* const set = has_styles ? "MiniEdit-S" : "MiniEdit";
  write_file_atomically(folder / "edits.json",
                        json{{"name", set}, {"version", 1}, {"edits", edits}}.dump(1) + "\n");
}

}  // namespace forgedit
