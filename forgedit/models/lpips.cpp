#include "forgedit/models/lpips.h"

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

/// One convolution with its ReLU, by its number in torchvision's `features`.
struct Layer {
  int index;
  std::int64_t in, out, kernel, stride, padding;
  bool pool_before;  ///< a max pooling comes before it
  bool ends_stage;   ///< its output is compared
};

constexpr Layer kAlex[] = {{0, 3, 64, 11, 4, 2, false, true},
                           {3, 64, 192, 5, 1, 2, true, true},
                           {6, 192, 384, 3, 1, 1, true, true},
                           {8, 384, 256, 3, 1, 1, false, true},
                           {10, 256, 256, 3, 1, 1, false, true}};

constexpr Layer kVgg[] = {{0, 3, 64, 3, 1, 1, false, false},     {2, 64, 64, 3, 1, 1, false, true},
                          {5, 64, 128, 3, 1, 1, true, false},    {7, 128, 128, 3, 1, 1, false, true},
                          {10, 128, 256, 3, 1, 1, true, false},  {12, 256, 256, 3, 1, 1, false, false},
                          {14, 256, 256, 3, 1, 1, false, true},  {17, 256, 512, 3, 1, 1, true, false},
                          {19, 512, 512, 3, 1, 1, false, false}, {21, 512, 512, 3, 1, 1, false, true},
                          {24, 512, 512, 3, 1, 1, true, false},  {26, 512, 512, 3, 1, 1, false, false},
                          {28, 512, 512, 3, 1, 1, false, true}};

c10::ArrayRef<Layer> layers_of(LpipsTrunk trunk) {
  if (trunk == LpipsTrunk::alex) return kAlex;
  return kVgg;
}

/// Converts from [-1, 1] to the input range of torchvision's weights.
torch::Tensor normalise(const torch::Tensor& picture) {
  const auto shift = torch::tensor({-0.030, -0.088, -0.188}, picture.options()).view({1, 3, 1, 1});
  const auto scale = torch::tensor({0.458, 0.448, 0.450}, picture.options()).view({1, 3, 1, 1});
  return (picture - shift) / scale;
}

/// Features of length 1 at each pixel. As in torchmetrics, ε is under the root, which keeps gradients finite.
torch::Tensor unit_features(const torch::Tensor& features) {
  return features / (features.square().sum(1, true) + 1e-8).sqrt();
}

}  // namespace

LpipsTrunk parse_lpips_trunk(const std::string& name) {
  if (name == "alex") return LpipsTrunk::alex;
  if (name == "vgg") return LpipsTrunk::vgg;
  throw usage_error("LPIPS: expected alex or vgg, got '" + name + "'");
}

const char* lpips_trunk_name(LpipsTrunk trunk) {
  return trunk == LpipsTrunk::alex ? "alex" : "vgg";
}

LpipsImpl::LpipsImpl(LpipsTrunk trunk) : trunk_(trunk) {
  auto features = register_module("features", std::make_shared<torch::nn::Module>());
  for (const auto& l : layers_of(trunk)) {
    convolutions_.push_back(features->register_module(
        std::to_string(l.index), nn::Conv2d(l.in, l.out, l.kernel, l.stride, l.padding)));
    if (!l.ends_stage) continue;
    // lin0.model.1: model.0 is a dropout without parameters.
    auto lin = register_module("lin" + std::to_string(heads_.size()), std::make_shared<torch::nn::Module>());
    auto model = lin->register_module("model", std::make_shared<torch::nn::Module>());
    auto convolution = model->register_module("1", std::make_shared<torch::nn::Module>());
    heads_.push_back(convolution->register_parameter("weight", torch::empty({1, l.out, 1, 1})));
  }
}

std::int64_t LpipsImpl::min_side() const {
  // This is the smallest side for which every pooling layer leaves at least one pixel.
  return trunk_ == LpipsTrunk::alex ? 31 : 16;
}

std::vector<torch::Tensor> LpipsImpl::stages(const torch::Tensor& picture) {
  std::vector<torch::Tensor> result;
  auto x = normalise(picture);
  std::size_t i = 0;
  for (const auto& l : layers_of(trunk_)) {
    const std::int64_t window = trunk_ == LpipsTrunk::alex ? 3 : 2;
    if (l.pool_before) x = torch::max_pool2d(x, window, 2);
    x = torch::relu(convolutions_[i++](x));
    if (l.ends_stage) result.push_back(unit_features(x));
  }
  return result;
}

torch::Tensor LpipsImpl::forward(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.dim() != 4 || a.size(1) != 3 || a.sizes() != b.sizes()) {
    throw usage_error("LPIPS: expected two batches of one shape BATCHx3xHEIGHTxWIDTH, got " +
                      shape_text(a.sizes()) + " and " + shape_text(b.sizes()));
  }
  if (std::min(a.size(2), a.size(3)) < min_side()) {
    throw usage_error("LPIPS: expected sides of at least " + std::to_string(min_side()) + " pixels, got " +
                      std::to_string(a.size(3)) + "x" + std::to_string(a.size(2)));
  }
  const auto features_a = stages(a), features_b = stages(b);
  auto distance = torch::zeros({a.size(0)}, a.options());
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    const auto difference = (features_a[i] - features_b[i]).square();
    distance = distance + torch::conv2d(difference, heads_[i]).mean({1, 2, 3});
  }
  return distance;
}

}  // namespace forgedit
