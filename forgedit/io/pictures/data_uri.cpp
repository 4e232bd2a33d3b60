#include "forgedit/io/pictures/data_uri.h"

#include <algorithm>

#include "forgedit/core/base64.h"
#include "forgedit/io/pictures/encode_webp.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit {
namespace {

constexpr int kQuality = 82;

}  // namespace

std::string data_uri(const Image& picture, int longest) {
  const int side = std::max(picture.width, picture.height);
  const auto scaled = [&](int length) { return std::max(1, length * longest / side); };
  const auto small = side <= longest
                         ? picture
                         : resize(picture, scaled(picture.width), scaled(picture.height), Resample::lanczos);
  return "data:image/webp;base64," + base64(encode_webp(small, kQuality));
}

}  // namespace forgedit
