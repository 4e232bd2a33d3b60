#include "forgedit/metrics/clip_score.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/parallel.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/models/load_network.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
// Vectors of length 1 that differ by less differ only by rounding.
constexpr double kLeastChange = 1e-5;

}  // namespace

ClipModel load_clip(const fs::path& directory, const c10::Device& device) {
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such CLIP folder");
  const auto file = directory / "config.json";
  const auto config = ClipConfig::from_json(file.string(), read_json_object(file));
  auto model = load_network<ClipModel>(
      config, normalise_clip_keys(read_component_weights(directory, "model")), directory.string());
  model->to(device);
  return model;
}

ClipScorer::ClipScorer(const fs::path& directory, const c10::Device& device)
    : model_(load_clip(directory, device)),
      tokenizer_(ClipTokenizer::from_directory(directory)),
      preparation_(read_model_image_config(
          directory, ModelImageConfig::clip(static_cast<int>(model_->config().vision.image_size)))),
      device_(device) {
  tokenizer_.require_rows(model_->config().text.vocab_size, "text tower");
}

torch::Tensor ClipScorer::embed(const Image& picture) {
  return embed({&picture, 1})[0];
}

torch::Tensor ClipScorer::embed(std::span<const Image> pictures) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> pixels(pictures.size());
  parallel_for(std::ssize(pictures), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = first; i < last; ++i) {
      const auto at = static_cast<std::size_t>(i);
      pixels[at] = model_image(pictures[at], preparation_);
    }
  });
  return model_->encode_image(torch::stack(pixels).to(device_)).to(torch::kCPU, torch::kFloat);
}

torch::Tensor ClipScorer::embed(const std::string& text) {
  torch::NoGradGuard no_grad;
  const auto length = static_cast<std::size_t>(model_->config().text.max_position_embeddings);
  const auto ids = torch::tensor(tokenizer_.encode(text, length).ids, torch::kLong).unsqueeze(0).to(device_);
  return model_->encode_text(ids)[0].to(torch::kCPU, torch::kFloat);
}

double clip_cosine(const torch::Tensor& left, const torch::Tensor& right) {
  const auto a = left.to(torch::kDouble), b = right.to(torch::kDouble);
  return (a.dot(b) / (a.norm() * b.norm())).item<double>();
}

double clip_score(double cosine) {
  return 2.5 * std::max(cosine, 0.0);
}

std::optional<double> clip_direction(const torch::Tensor& image_before, const torch::Tensor& image_after,
                                     const torch::Tensor& text_before, const torch::Tensor& text_after) {
  const auto picture = image_after - image_before, text = text_after - text_before;
  if (picture.norm().item<double>() < kLeastChange || text.norm().item<double>() < kLeastChange) {
    return std::nullopt;
  }
  return clip_cosine(picture, text);
}

}  // namespace forgedit
