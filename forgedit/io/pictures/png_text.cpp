#include <algorithm>
#include <optional>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/image_decode.h"
#include "forgedit/io/pictures/image_limits.h"
#include "forgedit/io/pictures/png_chunks.h"
#include "forgedit/io/pictures/png_text.h"

namespace forgedit {
namespace fs = std::filesystem;
namespace {

using std::string_view;

constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;  // all texts of one file together

std::string latin1_to_utf8(string_view text) {
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xc0 | byte >> 6);
      utf8 += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return utf8;
}

/// Keyword and text of one tEXt, zTXt or iTXt chunk; nullopt if its layout is invalid.
std::optional<PngText::value_type> parse_text(string_view type, string_view data, std::size_t max_bytes) {
  const auto keyword = take_until_zero(data);
  if (!keyword || keyword->empty()) return std::nullopt;
  bool packed = type == "zTXt";
  if (packed) {
    if (data.empty() || data[0] != 0) return std::nullopt;  // 0: deflate, the only method
    data.remove_prefix(1);
  } else if (type == "iTXt") {
    if (data.size() < 2 || (data[0] != 0 && data[1] != 0)) return std::nullopt;
    packed = data[0] != 0;
    data.remove_prefix(2);
    const auto language = take_until_zero(data);
    const auto translated_keyword = take_until_zero(data);
    if (!language || !translated_keyword) return std::nullopt;
  }
  std::string text;
  if (packed) {
    auto inflated = inflate_png(data, max_bytes);
    if (!inflated) return std::nullopt;
    text = std::move(*inflated);
  } else {
    text = std::string(data);
  }
  if (type != "iTXt") text = latin1_to_utf8(text);
  return PngText::value_type{std::string(*keyword), std::move(text)};
}

}  // namespace

PngText read_png_text(const fs::path& path) {
  return parse_png_text(read_file(path, kMaxImageFileBytes), path.string());
}

PngText parse_png_text(string_view file, const std::string& name) {
  if (file.substr(0, kPngMagic.size()) != kPngMagic) throw failure(name + ": not a PNG file");

  PngText texts;
  std::size_t total = 0;
  std::size_t position = kPngMagic.size();
  while (true) {
    const auto chunk = next_png_chunk(file, position);
    if (!chunk) throw_truncated(name, "PNG");
    const string_view type = chunk->type;
    if (type == "IEND") return texts;
    if (type != "tEXt" && type != "zTXt" && type != "iTXt") continue;
    if (chunk->data.size() > kMaxTextBytes) {
      throw_damaged(name, "PNG", std::string(type) + " chunk of more than 16 MB");
    }
    auto text = is_intact(*chunk) ? parse_text(type, chunk->data, kMaxTextBytes - total) : std::nullopt;
    if (!text) throw_damaged(name, "PNG", std::string(type) + " chunk cannot be read");
    total += text->first.size() + text->second.size();
    if (total > kMaxTextBytes) throw_damaged(name, "PNG", "more than 16 MB of text");
    texts.push_back(std::move(*text));
  }
}

std::string without_png_text(string_view file, const std::string& name) {
  if (file.substr(0, kPngMagic.size()) != kPngMagic) throw failure(name + ": not a PNG file");
  std::string result(kPngMagic);
  for (std::size_t position = kPngMagic.size();;) {
    const auto begin = position;
    const auto chunk = next_png_chunk(file, position);
    if (!chunk) throw_truncated(name, "PNG");
    const string_view type = chunk->type;
    if (type == "IEND") return result.append(file.substr(begin));
    if (type != "tEXt" && type != "zTXt" && type != "iTXt") result += file.substr(begin, position - begin);
  }
}

}  // namespace forgedit
