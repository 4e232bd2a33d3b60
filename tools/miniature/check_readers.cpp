#include "tools/miniature/check_readers.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <unordered_map>

namespace forgedit::miniature {
namespace {

constexpr std::size_t kCaptions = 100;

struct Example {
  Image picture;
  std::string caption;
};

std::vector<Example> held_back_examples(const EmojiPack& pack, int count, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<Example> examples;
  for (int i = 0; i < count; ++i) {
    const auto scene = random_scene(pack, engine, Split::held_back);
    examples.push_back({render(pack, scene), caption(pack, scene)});
  }
  return examples;
}

/// "SUBJECT : ATTRIBUTE on a COLOUR background" in parts; the attribute may be absent.
struct Parts {
  std::string subject, attribute, background;

  explicit Parts(const std::string& text) {
    const auto on = text.rfind(" on a");
    background = on == std::string::npos ? "" : text.substr(on);
    const auto rest = text.substr(0, on);
    const auto colon = rest.find(':');
    subject = rest.substr(0, colon);
    attribute = colon == std::string::npos ? "" : rest.substr(colon);
  }
};

std::set<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// The captions that share most words with `truth`, without itself.
std::vector<std::size_t> nearest(const std::vector<std::set<std::string>>& all, const std::string& truth,
                                 const std::vector<std::string>& captions) {
  const auto words = words_of(truth);
  std::vector<std::pair<std::size_t, std::size_t>> order;  // words apart, index
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (captions[i] == truth) continue;
    const auto shared = static_cast<std::size_t>(
        std::count_if(words.begin(), words.end(), [&](const auto& word) { return all[i].contains(word); }));
    order.emplace_back(words.size() + all[i].size() - 2 * shared, i);
  }
  std::partial_sort(order.begin(), order.begin() + kCaptions - 1, order.end());
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i + 1 < kCaptions; ++i) result.push_back(order[i].second);
  return result;
}

}  // namespace

CaptionCheck check_captioner(Captioner& captioner, const EmojiPack& pack, int count, std::uint64_t seed) {
  CaptionCheck check;
  const double share = 1.0 / count;
  for (const auto& example : held_back_examples(pack, count, seed)) {
    // The tokenizer's own spacing, as the captioner writes it
    const auto truth = captioner.tokenizer.decode(captioner.tokenizer.tokenize(example.caption));
    const auto said = captioner.caption(example.picture);
    const Parts expected(truth), found(said);
    if (said == truth) check.all += share;
    if (found.subject == expected.subject) check.subject += share;
    if (found.attribute == expected.attribute) check.attribute += share;
    if (found.background == expected.background) check.background += share;
  }
  return check;
}

RankCheck check_clip(ClipScorer& clip, const EmojiPack& pack, int count, std::uint64_t seed) {
  std::vector<std::string> captions;
  std::vector<std::set<std::string>> words;
  for (std::size_t entry = 0; entry < pack.entries.size(); ++entry) {
    for (std::size_t background = 0; background < kBackgrounds.size(); ++background) {
      captions.push_back(caption(pack, entry, background));
      words.push_back(words_of(captions.back()));
    }
  }
  std::unordered_map<std::string, torch::Tensor> embedded;
  const auto embed = [&](const std::string& text) {
    auto& embedding = embedded[text];
    if (!embedding.defined()) embedding = clip.embed(text);
    return embedding;
  };
  const auto examples = held_back_examples(pack, count, seed);
  std::mt19937_64 engine(seed + 1);
  RankCheck check;
  for (const auto& example : examples) {
    const auto picture = clip.embed(example.picture);
    const auto truth = clip_cosine(picture, embed(example.caption));
    const auto first_among = [&](const std::vector<std::string>& others) {
      return std::all_of(others.begin(), others.end(),
                         [&](const auto& other) { return clip_cosine(picture, embed(other)) < truth; });
    };
    std::set<std::string> random;
    while (random.size() + 1 < kCaptions) {
      auto other = caption(pack, random_scene(pack, engine, Split::held_back));
      if (other != example.caption) random.insert(std::move(other));
    }
    std::vector<std::string> near;
    for (const auto i : nearest(words, example.caption, captions)) near.push_back(captions[i]);
    check.random += first_among({random.begin(), random.end()}) ? 1.0 / count : 0.0;
    check.near += first_among(near) ? 1.0 / count : 0.0;
  }
  return check;
}

}  // namespace forgedit::miniature
