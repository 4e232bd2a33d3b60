#include "forgedit/io/pictures/encode_webp.h"

#include <webp/encode.h>

#include "forgedit/core/error.h"

namespace forgedit {

std::string encode_webp(const Image& image, int quality) {
  std::uint8_t* data = nullptr;
  const auto size = WebPEncodeRGB(image.pixels.data(), image.width, image.height, 3 * image.width,
                                  static_cast<float>(quality), &data);
  const std::string file(reinterpret_cast<const char*>(data), size);
  WebPFree(data);
  if (file.empty()) {
    throw failure("a picture of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                  " cannot be written as WebP");
  }
  return file;
}

}  // namespace forgedit
