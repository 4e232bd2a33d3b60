#include <webp/decode.h>

#include "forgedit/core/error.h"
#include "forgedit/io/exif.h"
#include "forgedit/io/image_decode.h"

namespace forgedit {
namespace {

constexpr std::size_t kRiffHeader = 12;  // "RIFF", size, "WEBP"
constexpr std::size_t kChunkHeader = 8;

std::size_t little_endian_32(std::string_view bytes, std::size_t position) {
  std::size_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
  return value;
}

/// The payload of the first RIFF chunk with this name; empty when there is none.
std::string_view find_chunk(std::string_view bytes, std::string_view name) {
  std::size_t position = kRiffHeader;
  while (position <= bytes.size() && bytes.size() - position >= kChunkHeader) {
    const std::size_t size = little_endian_32(bytes, position + 4);
    if (bytes.substr(position, 4) == name) return bytes.substr(position + kChunkHeader, size);
    position += kChunkHeader + size + size % 2;
  }
  return {};
}

void check_status(VP8StatusCode status, const std::string& name) {
  switch (status) {
    case VP8_STATUS_OK:
      return;
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      throw_truncated(name, "WebP");
    case VP8_STATUS_OUT_OF_MEMORY:
      throw failure(name + ": no memory for the WebP reader");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      throw_damaged(name, "WebP", "it uses a feature that the decoder does not know");
    default:
      throw_damaged(name, "WebP", "its bitstream breaks the format's rules");
  }
}

}  // namespace

DecodedImage decode_webp(std::string_view bytes, const std::string& name) {
  if (little_endian_32(bytes, 4) + kChunkHeader > bytes.size()) throw_truncated(name, "WebP");
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) throw failure(name + ": the WebP library has another version");
  check_status(WebPGetFeatures(data, bytes.size(), &config.input), name);
  check_image_size(config.input.width, config.input.height, name);
  if (config.input.has_animation) {
    throw failure(name + ": an animated WebP, expected a single picture");
  }

  DecodedImage decoded;
  decoded.orientation = exif_orientation(find_chunk(bytes, "EXIF"));
  decoded.image.width = config.input.width;
  decoded.image.height = config.input.height;
  const auto stride = 4 * static_cast<std::size_t>(config.input.width);
  decoded.image.pixels.resize(stride * static_cast<std::size_t>(config.input.height));
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = decoded.image.pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = decoded.image.pixels.size();
  check_status(WebPDecode(data, bytes.size(), &config), name);
  return decoded;
}

}  // namespace forgedit
