#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/image.h"
#include "forgedit/io/image_decode.h"

namespace forgedit {
namespace fs = std::filesystem;
namespace {

using std::string_view;

constexpr std::size_t kMaxFileBytes = std::size_t{512} << 20;
constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;  // all texts of one file together
constexpr string_view kPngMagic("\x89PNG\r\n\x1a\n", 8);

std::size_t big_endian_32(string_view bytes, std::size_t position) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
  return value;
}

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

/// Inflates a zlib stream of at most `max_bytes`; nothing when it is damaged or larger.
std::optional<std::string> inflate_text(string_view packed, std::size_t max_bytes) {
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  std::string text;
  int status = Z_OK;
  while (status == Z_OK && text.size() <= max_bytes) {
    char block[4096];
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(block, sizeof block - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || text.size() > max_bytes) return std::nullopt;
  return text;
}

/// Cuts the part before the next zero byte off `data`; nothing when no zero byte comes.
std::optional<string_view> take_until_zero(string_view& data) {
  const std::size_t end = data.find('\0');
  if (end == string_view::npos) return std::nullopt;
  const string_view part = data.substr(0, end);
  data.remove_prefix(end + 1);
  return part;
}

/// Keyword and text of one tEXt, zTXt or iTXt chunk; nothing when its layout is broken.
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
    auto inflated = inflate_text(data, max_bytes);
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
  const std::string name = path.string();
  const std::string bytes = read_file(path, kMaxFileBytes);
  const string_view file(bytes);
  if (file.substr(0, kPngMagic.size()) != kPngMagic) throw failure(name + ": not a PNG file");

  PngText texts;
  std::size_t total = 0;
  std::size_t position = kPngMagic.size();
  while (true) {
    if (file.size() - position < 8) throw_truncated(name, "PNG");
    const std::size_t size = big_endian_32(file, position);
    const string_view type = file.substr(position + 4, 4);
    if (type == "IEND") return texts;
    if (file.size() - position < size + 12) throw_truncated(name, "PNG");
    const string_view data = file.substr(position + 8, size);
    if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
      if (size > kMaxTextBytes) throw_damaged(name, "PNG", std::string(type) + " chunk of more than 16 MB");
      const auto sum =
          crc32(0, reinterpret_cast<const Bytef*>(file.data() + position + 4), static_cast<uInt>(size + 4));
      const bool intact = sum == big_endian_32(file, position + 8 + size);
      auto text = intact ? parse_text(type, data, kMaxTextBytes - total) : std::nullopt;
      if (!text) throw_damaged(name, "PNG", std::string(type) + " chunk cannot be read");
      total += text->first.size() + text->second.size();
      if (total > kMaxTextBytes) throw_damaged(name, "PNG", "more than 16 MB of text");
      texts.push_back(std::move(*text));
    }
    position += size + 12;
  }
}

}  // namespace forgedit
