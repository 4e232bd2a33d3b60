#include "forgedit/io/pictures/png_traits.h"

#include "forgedit/io/pictures/png_chunks.h"

namespace forgedit {
namespace {

using std::string_view;

constexpr std::size_t kMaxProfileBytes = std::size_t{32} << 20;

/// Unpacks the profile of an iCCP chunk: name, method, compressed profile.
std::optional<std::string> unpack_profile(string_view data) {
  if (!take_until_zero(data) || data.empty() || data[0] != 0) return std::nullopt;
  return inflate_png(data.substr(1), kMaxProfileBytes);
}

/// Reads one chunk. Returns false if it is of a relevant type but damaged.
bool read_chunk(const PngChunk& chunk, PngTraits& traits) {
  const string_view type = chunk.type, data = chunk.data;
  const bool counts = type == "cICP" || type == "iCCP" || type == "sRGB" || type == "gAMA" ||
                      type == "cHRM" || type == "acTL" || type == "fcTL";
  if (!counts) return true;
  if (!is_intact(chunk)) return false;
  const auto number = [data](std::size_t i) { return big_endian_32(data, 4 * i); };
  if (type == "cICP") {
    if (data.size() != 4) return false;
    traits.cicp.emplace(static_cast<unsigned char>(data[0]), static_cast<unsigned char>(data[1]));
  } else if (type == "iCCP") {
    traits.profile = unpack_profile(data);
    return traits.profile.has_value();
  } else if (type == "sRGB") {
    traits.srgb = true;
  } else if (type == "gAMA") {
    if (data.size() != 4 || number(0) == 0) return false;
    traits.decoding_gamma = 1e5 / number(0);
  } else if (type == "cHRM") {
    if (data.size() != 32) return false;
    traits.primaries.emplace();
    for (std::size_t i = 0; i < 8; ++i) (*traits.primaries)[i] = number(i) / 1e5;
  } else if (type == "acTL") {
    if (data.size() != 8) return false;
    traits.frames = number(0);
  } else {
    traits.first_frame_is_still = true;
  }
  return true;
}

}  // namespace

PngTraits read_png_traits(string_view file) {
  PngTraits traits;
  std::size_t position = kPngMagic.size();
  while (const auto chunk = next_png_chunk(file, position)) {
    if (chunk->type == "IDAT" || chunk->type == "IEND") break;
    if (!read_chunk(*chunk, traits)) traits.damaged.emplace_back(chunk->type);
  }
  return traits;
}

ToSrgb png_to_srgb(const PngTraits& traits, const ColourSource& source) {
  for (const std::string& type : traits.damaged) {
    source.notes.push_back(type == "iCCP" ? unusable_profile(source.name, "is damaged")
                                          : source.name + ": its " + type + " chunk is damaged: ignored");
  }
  if (traits.cicp) return cicp_to_srgb(traits.cicp->first, traits.cicp->second, source);
  if (traits.profile) return icc_to_srgb(*traits.profile, source);
  if (traits.srgb || (!traits.decoding_gamma && !traits.primaries)) return {};
  return gamma_to_srgb(traits.primaries, traits.decoding_gamma, source);
}

}  // namespace forgedit
