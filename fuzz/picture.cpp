// Pictures (PNG, JPEG, WebP) with their EXIF orientation, and the text chunks of a PNG.
#include "forgedit/io/image.h"
#include "fuzz/input.h"

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
