#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/colour.h"
#include "forgedit/io/pictures/exif.h"
#include "forgedit/io/pictures/image_decode.h"

namespace forgedit {
namespace {

constexpr std::size_t kRiffHeader = 12;  // "RIFF", size, "WEBP"
constexpr std::size_t kChunkHeader = 8;

std::size_t little_endian_32(std::string_view bytes, std::size_t position) {
  std::size_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
  return value;
}

/// The payload of the first RIFF chunk with this name; a null view if there is none.
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

/// Decodes one bitstream into `to`, a part of a picture whose rows have `stride` bytes.
void decode_bitstream(WebPDecoderConfig& config, const std::uint8_t* data, std::size_t size, std::uint8_t* to,
                      std::size_t stride, std::size_t to_size, const std::string& name) {
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = to;
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = to_size;
  check_status(WebPDecode(data, size, &config), name);
}

/// Decodes the first frame onto its place on a transparent canvas, as browsers do.
void decode_first_frame(std::string_view bytes, WebPDecoderConfig& config, const std::string& name,
                        RgbaImage& image) {
  const WebPData data = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> demuxer(WebPDemux(&data), &WebPDemuxDelete);
  WebPIterator frame{};
  if (!demuxer || !WebPDemuxGetFrame(demuxer.get(), 1, &frame)) {
    throw_damaged(name, "WebP", "an animated WebP without a frame that can be read");
  }
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> owner(&frame,
                                                                                 &WebPDemuxReleaseIterator);
  const std::int64_t right = std::int64_t{frame.x_offset} + frame.width;
  const std::int64_t bottom = std::int64_t{frame.y_offset} + frame.height;
  if (frame.x_offset < 0 || frame.y_offset < 0 || right > image.width || bottom > image.height) {
    throw_damaged(name, "WebP", "a frame lies outside of the picture");
  }
  // The frame's own header could contain another size than its chunk.
  check_status(WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &config.input), name);
  if (config.input.width != frame.width || config.input.height != frame.height) {
    throw_damaged(name, "WebP", "a frame has another size than its header says");
  }
  image.notes.push_back(first_frame_note(name, "WebP", frame.num_frames));
  const auto stride = 4 * static_cast<std::size_t>(image.width);
  const std::size_t start =
      static_cast<std::size_t>(frame.y_offset) * stride + 4 * static_cast<std::size_t>(frame.x_offset);
  decode_bitstream(config, frame.fragment.bytes, frame.fragment.size, image.pixels.data() + start, stride,
                   image.pixels.size() - start, name);
}

}  // namespace

DecodedImage decode_webp(std::string_view bytes, const std::string& name, std::int64_t max_pixels) {
  if (little_endian_32(bytes, 4) + kChunkHeader > bytes.size()) throw_truncated(name, "WebP");
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) throw failure(name + ": the WebP library has another version");
  check_status(WebPGetFeatures(data, bytes.size(), &config.input), name);
  check_image_size(config.input.width, config.input.height, name, max_pixels);
  DecodedImage decoded;
  RgbaImage& image = decoded.image;
  decoded.orientation = orientation_of(find_chunk(bytes, "EXIF"), find_chunk(bytes, "XMP "));
  image.width = config.input.width;
  image.height = config.input.height;
  const auto stride = 4 * static_cast<std::size_t>(config.input.width);
  image.pixels.resize(stride * static_cast<std::size_t>(config.input.height));
  std::uint8_t* const pixels = image.pixels.data();
  if (config.input.has_animation) {
    decode_first_frame(bytes, config, name, image);
  } else {
    decode_bitstream(config, data, bytes.size(), pixels, stride, image.pixels.size(), name);
  }
  if (const std::string_view profile = find_chunk(bytes, "ICCP"); profile.data()) {
    const ToSrgb to_srgb = icc_to_srgb(profile, {name, layout_of(image.pixels), image.notes});
    if (to_srgb) to_srgb.convert(pixels, pixels, image.pixels.size() / 4);
  }
  return decoded;
}

}  // namespace forgedit
