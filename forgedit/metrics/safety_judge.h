#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/models/safety_checker.h"

namespace forgedit {

/// A safety checker's verdict on an image.
struct SafetyVerdict {
  bool flagged = false;
  double score = 0;                       ///< highest score of all concepts; above 0 the image is flagged
  std::vector<std::size_t> concepts;      ///< indices, from 0, of the concepts with scores above 0
  std::vector<std::size_t> special_care;  ///< likewise; one of them adds 0.01 to all later scores
};

/// Applies the rule of diffusers' StableDiffusionSafetyChecker, with scores rounded to three decimals.
/// `special_care` and `concepts` are one image's cosines minus thresholds.
SafetyVerdict safety_verdict(std::span<const double> special_care, std::span<const double> concepts);

/// Returns the folder of the safety checker in a diffusers folder.
std::filesystem::path safety_checker_folder(const std::filesystem::path& model_folder);

/// The safety checker in a model's folder.
class SafetyJudge {
 public:
  /// Reads safety_checker/ and, for the preprocessing, feature_extractor/ (without it, CLIP's preprocessing).
  /// Throws Error if a file is missing or damaged.
  SafetyJudge(const std::filesystem::path& model_folder, const c10::Device& device);

  SafetyVerdict judge(const Image& image);

 private:
  SafetyChecker model_{nullptr};
  ModelImageConfig preparation_;
  c10::Device device_;
};

}  // namespace forgedit
