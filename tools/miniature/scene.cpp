#include "tools/miniature/scene.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr int kJitter = 6;                       // of each background channel, either way
constexpr int kMinScale = 780, kMaxScale = 950;  // in thousandths of the side
constexpr int kSlack = 20;  // how far the emoji's frame may leave the picture, thousandths
constexpr int kWeightBits = 14;

/// A whole number from `low` to `high`. The bias of the remainder is below 1e-16 for our ranges.
int draw(std::mt19937_64& engine, int low, int high) {
  const auto range = static_cast<std::uint64_t>(high - low + 1);
  return low + static_cast<int>((engine() >> 8) % range);
}

std::size_t draw_index(std::mt19937_64& engine, std::size_t count) {
  return static_cast<std::size_t>((engine() >> 8) % count);
}

std::size_t draw_by_weight(const EmojiPack& pack, std::mt19937_64& engine) {
  const double unit = static_cast<double>(engine() >> 11) * 0x1p-53;
  const auto& sums = pack.cumulative_weight;
  const auto found = std::upper_bound(sums.begin(), sums.end(), unit * sums.back());
  return std::min<std::size_t>(static_cast<std::size_t>(found - sums.begin()), sums.size() - 1);
}

bool is_held_back(const EmojiPack& pack, const Scene& scene) {
  return (pack.held_back[scene.entry] >> scene.background & 1U) != 0;
}

void draw_subject(const EmojiPack& pack, std::mt19937_64& engine, Split split, Scene& scene) {
  if (split == Split::train) {
    do {
      scene.entry = draw_by_weight(pack, engine);
      scene.background = draw_index(engine, kBackgrounds.size());
    } while (is_held_back(pack, scene));
    return;
  }
  if (pack.entries_held_back.empty())
    throw usage_error("the pack has no held-back pairs: read the list first");
  scene.entry = pack.entries_held_back[draw_index(engine, pack.entries_held_back.size())];
  do {
    scene.background = draw_index(engine, kBackgrounds.size());
  } while (!is_held_back(pack, scene));
}

/// Which source pixels one output pixel covers along an axis, with weights that sum to 2^kWeightBits.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};

/// A triangle filter as wide as an output pixel (at least two source pixels). Taps outside the source stay
/// as weight on nothing, so that the emoji's frame fades out instead of ending in a hard edge.
std::vector<Taps> make_taps(int size, double scale, double shift) {
  const double ratio = kEmojiSide / (scale * size);
  const double reach = std::max(1.0, ratio);
  const double left = size * (0.5 + shift - scale / 2);
  std::vector<Taps> all(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    const double centre = (i + 0.5 - left) * ratio - 0.5;
    const int first = static_cast<int>(std::ceil(centre - reach));
    const int last = static_cast<int>(std::floor(centre + reach));
    double total = 0;
    for (int s = first; s <= last; ++s) total += 1 - std::abs(s - centre) / reach;
    auto& taps = all[static_cast<std::size_t>(i)];
    taps.first = std::clamp(first, 0, kEmojiSide);
    for (int s = taps.first; s <= std::min(last, kEmojiSide - 1); ++s) {
      const double weight = (1 - std::abs(s - centre) / reach) / total;
      taps.weights.push_back(static_cast<std::int32_t>(std::floor(weight * (1 << kWeightBits))));
    }
  }
  return all;
}

/// Premultiplied channels: colour * alpha and 255 * alpha, 0 to 65025.
using Premultiplied = std::array<std::int32_t, 4>;

/// Filters every row of the emoji to `size` columns.
std::vector<Premultiplied> filter_rows(const RgbaImage& emoji, const std::vector<Taps>& taps, int size) {
  std::vector<Premultiplied> rows(static_cast<std::size_t>(kEmojiSide) * size);
  std::vector<Premultiplied> source(kEmojiSide);
  for (int y = 0; y < kEmojiSide; ++y) {
    const std::uint8_t* pixel = emoji.pixels.data() + 4U * kEmojiSide * y;
    for (auto& value : source) {
      const std::int32_t alpha = pixel[3];
      value = {pixel[0] * alpha, pixel[1] * alpha, pixel[2] * alpha, 255 * alpha};
      pixel += 4;
    }
    for (int x = 0; x < size; ++x) {
      const Taps& tap = taps[static_cast<std::size_t>(x)];
      Premultiplied sum = {};
      for (std::size_t k = 0; k < tap.weights.size(); ++k) {
        const auto& value = source[static_cast<std::size_t>(tap.first) + k];
        for (std::size_t c = 0; c < 4; ++c) sum[c] += value[c] * tap.weights[k];
      }
      for (auto& channel : sum) channel >>= kWeightBits;
      rows[static_cast<std::size_t>(y) * size + x] = sum;
    }
  }
  return rows;
}

}  // namespace

Scene random_scene(const EmojiPack& pack, std::mt19937_64& engine, Split split) {
  Scene scene;
  draw_subject(pack, engine, split, scene);
  const auto& colour = kBackgrounds[scene.background].rgb;
  for (std::size_t c = 0; c < 3; ++c) {
    scene.rgb[c] = static_cast<std::uint8_t>(std::clamp(colour[c] + draw(engine, -kJitter, kJitter), 0, 255));
  }
  const int scale = draw(engine, kMinScale, kMaxScale);
  const int reach = (1000 - scale) / 2 + kSlack;
  scene.scale = scale / 1000.0;
  scene.shift_x = draw(engine, -reach, reach) / 1000.0;
  scene.shift_y = draw(engine, -reach, reach) / 1000.0;
  return scene;
}

Scene scene_of_caption(const EmojiPack& pack, std::string_view text) {
  constexpr std::string_view kEnd = " background";
  const std::string quoted = "\"" + std::string(text) + "\"";
  const auto on = text.rfind(" on a");
  if (on == std::string_view::npos || !text.ends_with(kEnd) || text.size() < on + 6 + kEnd.size()) {
    throw usage_error(quoted + ": expected \"... on a COLOUR background\"");
  }
  std::string_view colour = text.substr(on + 5, text.size() - kEnd.size() - on - 5);
  colour.remove_prefix(colour.starts_with("n ") ? 2 : 1);
  Scene scene;
  const int background = find_background(colour);
  if (background < 0) throw usage_error(quoted + ": no background is called \"" + std::string(colour) + "\"");
  scene.background = static_cast<std::size_t>(background);
  scene.rgb = kBackgrounds[scene.background].rgb;
  std::string_view label = text.substr(0, on);
  for (const std::string_view article : {"a ", "an ", "the "}) {
    if (label.starts_with(article)) {
      label.remove_prefix(article.size());
      break;
    }
  }
  const auto found = pack.index.find(std::string(label));
  if (found == pack.index.end())
    throw usage_error(quoted + ": no emoji is called \"" + std::string(label) + "\"");
  scene.entry = found->second;
  return scene;
}

std::string caption(const EmojiPack& pack, const Scene& scene) {
  return caption(pack, scene.entry, scene.background);
}

std::string caption(const EmojiPack& pack, std::size_t entry, std::size_t background) {
  return with_article(pack.entries.at(entry).label) + " on " +
         with_article(kBackgrounds.at(background).name) + " background";
}

Image render(const EmojiPack& pack, const Scene& scene, int size) {
  if (size < 1 || size > 4096) throw usage_error("render: a side of " + std::to_string(size));
  const auto columns = make_taps(size, scene.scale, scene.shift_x);
  const auto lines = make_taps(size, scene.scale, scene.shift_y);
  const auto rows = filter_rows(pack.pictures.at(scene.entry), columns, size);
  Image image(size, size, scene.rgb);
  std::vector<Premultiplied> sums(static_cast<std::size_t>(size));
  for (int y = 0; y < size; ++y) {
    const Taps& tap = lines[static_cast<std::size_t>(y)];
    if (tap.weights.empty()) continue;
    std::fill(sums.begin(), sums.end(), Premultiplied{});
    for (std::size_t k = 0; k < tap.weights.size(); ++k) {
      const auto* row = rows.data() + (static_cast<std::size_t>(tap.first) + k) * size;
      for (int x = 0; x < size; ++x) {
        for (std::size_t c = 0; c < 4; ++c)
          sums[static_cast<std::size_t>(x)][c] += row[x][c] * tap.weights[k];
      }
    }
    for (int x = 0; x < size; ++x) {
      const auto& sum = sums[static_cast<std::size_t>(x)];
      const std::int32_t gap = 65025 - (sum[3] >> kWeightBits);
      std::uint8_t* pixel = image.at(x, y);
      for (std::size_t c = 0; c < 3; ++c) {
        const std::int32_t mixed = 255 * (sum[c] >> kWeightBits) + scene.rgb[c] * gap + 65025 / 2;
        pixel[c] = static_cast<std::uint8_t>(std::min(mixed / 65025, 255));
      }
    }
  }
  return image;
}

}  // namespace forgedit
