#include "tools/miniature/pack.h"

#include <webp/decode.h>
#include <webp/encode.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::string_view kMagic = "FGEMOJI1";
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxPackBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxEntries = 20'000;
constexpr float kLossless = 100;
constexpr int kLosslessEffort = 3;  // of 9, which takes a quarter of a second a picture

std::uint8_t to_byte(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

std::string encode_webp(const RgbaImage& picture, float quality) {
  WebPConfig config;
  WebPPicture webp;
  if (!WebPConfigInit(&config) || !WebPPictureInit(&webp)) throw failure("libwebp: version mismatch");
  config.quality = quality;
  config.method = 6;
  if (quality >= kLossless && !WebPConfigLosslessPreset(&config, kLosslessEffort))
    throw failure("libwebp: no lossless preset");
  config.use_sharp_yuv = 1;  // small saturated details keep their colour
  config.alpha_quality = 90;
  webp.width = picture.width;
  webp.height = picture.height;
  webp.use_argb = 1;
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  webp.writer = WebPMemoryWrite;
  webp.custom_ptr = &writer;
  const bool done = WebPValidateConfig(&config) &&
                    WebPPictureImportRGBA(&webp, picture.pixels.data(), 4 * picture.width) &&
                    WebPEncode(&config, &webp);
  std::string bytes(reinterpret_cast<const char*>(writer.mem), writer.size);
  WebPPictureFree(&webp);
  WebPMemoryWriterClear(&writer);
  if (!done)
    throw failure("libwebp could not encode a picture (error " + std::to_string(webp.error_code) + ")");
  return bytes;
}

RgbaImage decode_picture(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  int width = 0, height = 0;
  if (!WebPGetInfo(data, bytes.size(), &width, &height)) throw failure("not a WebP picture");
  if (width != kEmojiSide || height != kEmojiSide) {
    throw failure("a picture of " + std::to_string(width) + "x" + std::to_string(height));
  }
  RgbaImage picture{width, height, std::vector<std::uint8_t>(4U * kEmojiSide * kEmojiSide), {}};
  if (!WebPDecodeRGBAInto(data, bytes.size(), picture.pixels.data(), picture.pixels.size(), 4 * width)) {
    throw failure("damaged WebP data");
  }
  return picture;
}

json describe(const VocabularyEntry& entry, std::size_t offset, std::size_t bytes) {
  return {{"key", entry.key},       {"label", entry.label}, {"family", entry.family},
          {"group", entry.group},   {"tone", entry.tone},   {"person", entry.is_person},
          {"weight", entry.weight}, {"offset", offset},     {"bytes", bytes}};
}

VocabularyEntry parse_entry(const json& item) {
  VocabularyEntry entry;
  entry.key = item.at("key").get<std::string>();
  entry.label = item.at("label").get<std::string>();
  entry.family = item.at("family").get<std::string>();
  entry.group = item.at("group").get<std::string>();
  entry.tone = item.at("tone").get<int>();
  entry.is_person = item.at("person").get<bool>();
  entry.weight = item.at("weight").get<double>();
  if (entry.label.empty() || entry.label.size() > 200) throw failure("a label's length");
  if (entry.tone < 0 || entry.tone > 5) throw failure("tone of \"" + entry.label + "\"");
  if (!(entry.weight > 0 && entry.weight <= 1000)) throw failure("weight of \"" + entry.label + "\"");
  return entry;
}

/// A count from the header that must be a whole number from 0 to `limit`.
std::size_t bounded(const json& item, const char* key, std::size_t limit) {
  const json& value = item.at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > limit) {
    throw failure(std::string("\"") + key + "\" is " + value.dump() + ", expected 0 to " +
                  std::to_string(limit));
  }
  return value.get<std::size_t>();
}

EmojiPack parse_pack(std::string_view file) {
  constexpr std::size_t kPrefix = kMagic.size() + kLengthBytes;
  if (file.size() < kPrefix || !file.starts_with(kMagic)) throw failure("not an emoji pack");
  std::uint64_t header_bytes = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    header_bytes = header_bytes << 8 | static_cast<std::uint8_t>(file[kMagic.size() + i]);
  }
  if (header_bytes > file.size() - kPrefix) throw failure("the header is cut off");
  const json header = json::parse(file.substr(kPrefix, header_bytes), nullptr, false);
  if (!header.is_object()) throw failure("the header is not JSON");
  if (header.at("side") != kEmojiSide) throw failure("the side is " + header.at("side").dump());
  const json& items = header.at("entries");
  if (!items.is_array() || items.empty() || items.size() > kMaxEntries ||
      header.at("count") != items.size()) {
    throw failure("the number of entries");
  }
  const std::string_view body = file.substr(kPrefix + header_bytes);
  EmojiPack pack;
  pack.style = emoji_style(header.value("style", pack.style)).name;
  std::size_t expected_offset = 0;
  for (const json& item : items) {
    pack.entries.push_back(parse_entry(item));
    try {
      const auto offset = bounded(item, "offset", body.size());
      const auto bytes = bounded(item, "bytes", body.size() - offset);
      // Back to back, so that no picture can be stored once and claimed a thousand times.
      if (offset != expected_offset) throw failure("\"offset\" leaves a gap or overlaps");
      expected_offset += bytes;
      pack.pictures.push_back(decode_picture(body.substr(offset, bytes)));
    } catch (const Error& error) {
      throw failure("entry \"" + pack.entries.back().label + "\": " + error.what());
    }
  }
  if (expected_offset != body.size()) throw failure("bytes after the last picture");
  pack.prepare();
  return pack;
}

}  // namespace

int find_background(std::string_view name) {
  const auto found =
      std::find_if(kBackgrounds.begin(), kBackgrounds.end(), [&](const auto& c) { return c.name == name; });
  return found == kBackgrounds.end() ? -1 : static_cast<int>(found - kBackgrounds.begin());
}

const EmojiStyle& emoji_style(std::string_view name) {
  const auto found = std::find_if(kEmojiStyles.begin(), kEmojiStyles.end(),
                                  [&](const auto& style) { return style.name == name; });
  if (found == kEmojiStyles.end())
    throw usage_error("no style of emoji is called \"" + std::string(name) + "\"");
  return *found;
}

void EmojiPack::prepare() {
  index.clear();
  cumulative_weight.clear();
  double sum = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!index.emplace(entries[i].label, i).second) {
      throw failure("the label \"" + entries[i].label + "\" occurs twice");
    }
    cumulative_weight.push_back(sum += entries[i].weight);
  }
  held_back.assign(entries.size(), 0);
  entries_held_back.clear();
}

RgbaImage shrink_emoji(const RgbaImage& picture) {
  // The resizer knows three channels: colour times alpha in one picture, alpha alone in another. Both leave
  // room for Lanczos to overshoot, since an alpha clipped at 255 under a brighter colour means a bright rim.
  constexpr int kFloor = 32;
  const auto squeezed = [](int value) { return to_byte(kFloor + (3 * value + 2) / 4); };
  const auto restored = [](int value) { return (4 * (value - kFloor) + (value < kFloor ? -1 : 1)) / 3; };
  Image colour(picture.width, picture.height), alpha(picture.width, picture.height);
  const std::size_t pixels = static_cast<std::size_t>(picture.width) * picture.height;
  for (std::size_t i = 0; i < pixels; ++i) {
    const int a = picture.pixels[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      colour.pixels[3 * i + c] = squeezed((picture.pixels[4 * i + c] * a + 127) / 255);
      alpha.pixels[3 * i + c] = squeezed(a);
    }
  }
  colour = resize(colour, kEmojiSide, kEmojiSide, Resample::lanczos);
  alpha = resize(alpha, kEmojiSide, kEmojiSide, Resample::lanczos);
  RgbaImage small{kEmojiSide, kEmojiSide, std::vector<std::uint8_t>(4U * kEmojiSide * kEmojiSide), {}};
  for (std::size_t i = 0; i < small.pixels.size() / 4; ++i) {
    const int a = restored(alpha.pixels[3 * i]);
    if (a <= 1) continue;
    small.pixels[4 * i + 3] = to_byte(a);
    for (std::size_t c = 0; c < 3; ++c) {
      small.pixels[4 * i + c] = to_byte((restored(colour.pixels[3 * i + c]) * 255 + a / 2) / a);
    }
  }
  return small;
}

void write_pack(const std::filesystem::path& path, const EmojiStyle& style,
                const std::vector<VocabularyEntry>& entries, const std::vector<RgbaImage>& pictures,
                float quality) {
  if (entries.size() != pictures.size()) throw usage_error("write_pack: one picture for each entry");
  std::string body;
  json items = json::array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string bytes = encode_webp(pictures[i], quality);
    items.push_back(describe(entries[i], body.size(), bytes.size()));
    body += bytes;
  }
  const auto notice = "Pictures: " + std::string(style.credits) + ". Labels: emojibase, MIT licence.";
  const std::string header = json{
      {"notice", notice},
      {"style", style.name},
      {"side", kEmojiSide},
      {"count", entries.size()},
      {"entries", items}}.dump();
  std::string file(kMagic);
  for (std::size_t i = 0; i < kLengthBytes; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  write_file_atomically(path, file + header + body);
}

EmojiPack read_pack(const std::filesystem::path& path) {
  const std::string file = read_file(path, kMaxPackBytes);
  try {
    return parse_pack(file);
  } catch (const std::exception& error) {
    throw failure(path.string() + ": damaged pack: " + error.what());
  }
}

}  // namespace forgedit
