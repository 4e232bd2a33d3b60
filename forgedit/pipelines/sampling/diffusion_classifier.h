#pragma once

#include <map>
#include <string>

#include "forgedit/device/batch_parts.h"
#include "forgedit/editing/text_embedding.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// How well an edited image fits its prompt, as the diffusion model sees it.
struct PromptFit {
  /// (e(source) − e(target)) / (e(source) + e(target)), the mean over pairs of noise and timestep, where e is
  /// the mean square error of the prediction for the noised image: -1 to 1, more than 0 if the image fits the
  /// target prompt better than the source prompt.
  double direction = 0;
  /// log of e(target) of the image over e(source) of the original, the mean over pairs: less than 0 if the
  /// model predicts the image better than the original, usually because it does not know the original's
  /// style.
  double beyond_original = 0;
};

/// A diffusion model as a classifier of texts (arXiv 2303.16203): the better a text describes an image, the
/// better the model predicts noise in it. Works with the UNet's current weights, which should be the model's
/// own: learned weights favour the learned picture.
class DiffusionClassifier {
 public:
  /// Pairs of noise and timestep, the same ones for all images.
  static constexpr std::int64_t kPairs = 8;

  /// `model` must outlive this. Images may have any size that the model can generate, all of them the same.
  DiffusionClassifier(StableDiffusion& model, const Image& original, const std::string& source);

  PromptFit judge(const Image& edited, const std::string& target);

 private:
  torch::Tensor encode(const Image& image);
  torch::Tensor predict(const BatchParts& parts, const torch::Tensor& noisy, const torch::Tensor& timesteps,
                        const torch::Tensor& tokens, const AddedConditions& added);
  torch::Tensor errors(const torch::Tensor& latents, const TextEmbedding& texts);

  StableDiffusion& model_;
  TextEmbedding source_embedding_;
  std::map<std::string, TextEmbedding> both_;  // embeddings of source and target, by target
  torch::Tensor original_errors_;              // (pairs) under the source prompt, float64
};

}  // namespace forgedit
