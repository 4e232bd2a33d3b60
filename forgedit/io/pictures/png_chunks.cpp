#include "forgedit/io/pictures/png_chunks.h"

#include <zlib.h>

namespace forgedit {

using std::string_view;

std::uint32_t big_endian_32(string_view bytes, std::size_t position) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
  return value;
}

std::optional<PngChunk> next_png_chunk(string_view file, std::size_t& position) {
  constexpr std::size_t kHead = 8, kFrame = 12;  // length and type; these and the checksum
  if (file.size() - position < kHead) return std::nullopt;
  const std::size_t size = big_endian_32(file, position);
  PngChunk chunk;
  chunk.type = file.substr(position + 4, 4);
  if (chunk.type == "IEND") return chunk;
  if (file.size() - position < size + kFrame) return std::nullopt;
  chunk.data = file.substr(position + kHead, size);
  chunk.checksum = big_endian_32(file, position + kHead + size);
  position += kFrame + size;
  return chunk;
}

bool is_intact(const PngChunk& chunk) {
  // Type and contents are adjacent.
  const auto* bytes = reinterpret_cast<const Bytef*>(chunk.type.data());
  return crc32(0, bytes, static_cast<uInt>(chunk.type.size() + chunk.data.size())) == chunk.checksum;
}

std::optional<std::string> inflate_png(string_view packed, std::size_t max_bytes) {
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

std::optional<string_view> take_until_zero(string_view& data) {
  const std::size_t end = data.find('\0');
  if (end == string_view::npos) return std::nullopt;
  const string_view part = data.substr(0, end);
  data.remove_prefix(end + 1);
  return part;
}

}  // namespace forgedit
