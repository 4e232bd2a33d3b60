#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/models/clip.h"
#include "forgedit/text/clip_tokenizer.h"

namespace forgedit {

/// Reads config.json and weights of a CLIPModel folder (transformers layout). Strict: see load_state.
ClipModel load_clip(const std::filesystem::path& directory, const c10::Device& device);

/// A CLIP model with its tokenizer and image preprocessing. Embeddings are (projection_dim), of length 1,
/// float32 on the CPU.
class ClipScorer {
 public:
  /// Reads a folder as transformers saves it: config.json, weights, vocab.json, merges.txt and, if there is
  /// one, preprocessor_config.json.
  ClipScorer(const std::filesystem::path& directory, const c10::Device& device);

  torch::Tensor embed(const Image& picture);
  /// Returns (n, projection_dim). All images go through the network in one pass.
  torch::Tensor embed(std::span<const Image> pictures);
  /// A text longer than the model reads is truncated.
  torch::Tensor embed(const std::string& text);
  const ClipModel& model() const { return model_; }

 private:
  ClipModel model_{nullptr};
  ClipTokenizer tokenizer_;
  ModelImageConfig preparation_;
  c10::Device device_;
};

/// Returns the cosine of two embeddings.
double clip_cosine(const torch::Tensor& left, const torch::Tensor& right);

/// CLIPScore of Hessel et al. (arXiv 2104.08718): 2.5 · max(cosine, 0). Their code puts "A photo depicts" in
/// front of captions; here the text is taken as it is, as in torchmetrics.
double clip_score(double cosine);

/// Directional similarity (StyleGAN-NADA, arXiv 2108.00946): the cosine between the change of the image and
/// that of the text; nothing if either did not change.
std::optional<double> clip_direction(const torch::Tensor& image_before, const torch::Tensor& image_after,
                                     const torch::Tensor& text_before, const torch::Tensor& text_after);

}  // namespace forgedit
