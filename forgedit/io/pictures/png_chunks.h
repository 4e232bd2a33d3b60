#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forgedit {

inline constexpr std::string_view kPngMagic("\x89PNG\r\n\x1a\n", 8);

/// Returns the big-endian number at `position`, which must be inside `bytes`.
std::uint32_t big_endian_32(std::string_view bytes, std::size_t position);

struct PngChunk {
  std::string_view type;
  std::string_view data;
  std::uint32_t checksum = 0;
};

/// Returns the chunk at `position` and moves `position` after it. An IEND needs no checksum. Returns nullopt
/// if the file ends before the chunk does.
std::optional<PngChunk> next_png_chunk(std::string_view file, std::size_t& position);

/// Whether the checksum matches the contents.
bool is_intact(const PngChunk& chunk);

/// Inflates a zlib stream to at most `max_bytes`; nullopt if it is damaged or larger.
std::optional<std::string> inflate_png(std::string_view packed, std::size_t max_bytes);

/// Removes and returns the part of `data` before the next zero byte; nullopt if there is no zero byte.
std::optional<std::string_view> take_until_zero(std::string_view& data);

}  // namespace forgedit
