#include "forgedit/pipelines/model/picture.h"

#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"

namespace forgedit {

torch::Tensor image_to_tensor(const Image& image) {
  // from_blob takes a pointer to non-const, but the tensor is only read from.
  auto* data = const_cast<std::uint8_t*>(image.pixels.data());
  const auto bytes = torch::from_blob(data, {image.height, image.width, 3}, torch::kByte);
  const auto unit = bytes.permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat).contiguous() / 255.0;
  return 2.0 * unit - 1.0;
}

void check_finite(const torch::Tensor& pictures) {
  if (torch::isfinite(pictures).all().item<bool>()) return;
  throw failure(
      "the generated image contains values that are not finite: weights with NaN or infinite values?");
}

Image tensor_to_image(const torch::Tensor& picture) {
  if (picture.dim() != 3 || picture.size(0) != 3) {
    throw usage_error("picture tensor: expected 3xHEIGHTxWIDTH, got " + shape_text(picture.sizes()));
  }
  check_finite(picture);
  const auto bytes = (picture.to(torch::kFloat) * 255.0)
                         .round()
                         .clamp(0.0, 255.0)
                         .permute({1, 2, 0})
                         .to(torch::kByte)
                         .to(torch::kCPU)
                         .contiguous();
  Image image;
  image.height = static_cast<int>(bytes.size(0));
  image.width = static_cast<int>(bytes.size(1));
  image.pixels.resize(bytes.nbytes());
  std::memcpy(image.pixels.data(), bytes.data_ptr(), bytes.nbytes());
  return image;
}

}  // namespace forgedit
