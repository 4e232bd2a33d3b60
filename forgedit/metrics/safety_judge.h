#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/model_image.h"
#include "forgedit/models/safety_checker.h"

namespace forgedit {

/// What the safety checker of a model says of a picture.
struct SafetyVerdict {
  bool flagged = false;
  double score = 0;                       ///< the highest of all concepts; over 0 is flagged
  std::vector<std::size_t> concepts;      ///< numbers of those over 0
  std::vector<std::size_t> special_care;  ///< the same; they make all concepts count 0.01 more
};

/// diffusers' rule: `special_care` and `concepts` are cosines minus thresholds, of one picture.
SafetyVerdict safety_verdict(std::span<const double> special_care, std::span<const double> concepts);

/// Folders of a safety checker in a diffusers folder.
std::filesystem::path safety_checker_folder(const std::filesystem::path& model_folder);

/// The safety checker that lies in a model's folder.
class SafetyJudge {
 public:
  /// Reads safety_checker/ and, for how pictures are prepared, feature_extractor/. Throws Error where a file
  /// is missing or damaged.
  SafetyJudge(const std::filesystem::path& model_folder, const c10::Device& device);

  SafetyVerdict judge(const Image& picture);

 private:
  SafetyChecker model_{nullptr};
  ModelImageConfig preparation_;
  c10::Device device_;
};

}  // namespace forgedit
