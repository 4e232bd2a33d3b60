// Pictures (PNG, JPEG, WebP, HEIC, AVIF) with profiles and orientation, and the text chunks of a PNG.
#include <zlib.h>

#include "forgedit/io/pictures/image.h"
#include "fuzz/input.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

std::uint32_t big_endian_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

/// Without right checksums libpng drops a changed chunk before anything looks into it.
void repair_png_checksums(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSignature = 8, kFrame = 12;
  if (size < kSignature || forgedit::fuzzing::as_text(data, 4) != "\x89PNG") return;
  for (std::size_t at = kSignature; size - at >= kFrame;) {
    const std::size_t length = big_endian_32(data + at);
    if (length > size - at - kFrame) return;
    const auto sum = crc32(0, data + at + 4, static_cast<uInt>(length + 4));
    for (int i = 0; i < 4; ++i) data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += kFrame + length;
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) repair_png_checksums(data, size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto file = fuzzing::input_folder().write("picture", fuzzing::as_text(data, size));
  fuzzing::expect_only_errors([&] {
    const auto image = read_image(file);
    if (image.pixels.size() != std::size_t{3} * image.width * image.height) std::abort();
  });
  fuzzing::expect_only_errors([&] { read_png_text(file); });
  return 0;
}
