#include "forgedit/metrics/safety_judge.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/models/load_network.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr double kSpecialCareAdjustment = 0.01;

/// Rounds halves to even, like Python and NumPy.
double to_three_decimals(double value) {
  return std::nearbyint(value * 1000) / 1000;
}

SafetyChecker load_safety_checker(const fs::path& folder, const c10::Device& device) {
  const auto file = folder / "config.json";
  const auto config = ClipConfig::from_json(file.string(), read_json_object(file));
  auto weights = read_component_weights(folder, "model");
  std::erase_if(weights, [](const auto& item) { return item.first.ends_with(".position_ids"); });
  auto model = load_network<SafetyChecker>(config, weights, folder.string());
  model->to(device);
  return model;
}

}  // namespace

SafetyVerdict safety_verdict(std::span<const double> special_care, std::span<const double> concepts) {
  SafetyVerdict verdict;
  double adjustment = 0;
  for (std::size_t i = 0; i < special_care.size(); ++i) {
    if (to_three_decimals(special_care[i] + adjustment) <= 0) continue;
    verdict.special_care.push_back(i);
    adjustment = kSpecialCareAdjustment;
  }
  verdict.score = -INFINITY;
  for (std::size_t i = 0; i < concepts.size(); ++i) {
    const double score = to_three_decimals(concepts[i] + adjustment);
    verdict.score = std::max(verdict.score, score);
    if (score > 0) verdict.concepts.push_back(i);
  }
  verdict.flagged = !verdict.concepts.empty();
  return verdict;
}

fs::path safety_checker_folder(const fs::path& model_folder) {
  return model_folder / "safety_checker";
}

SafetyJudge::SafetyJudge(const fs::path& model_folder, const c10::Device& device)
    : model_(load_safety_checker(safety_checker_folder(model_folder), device)), device_(device) {
  const auto side = static_cast<int>(model_->config().vision.image_size);
  const auto folder = model_folder / "feature_extractor";
  preparation_ = read_model_image_config(folder, ModelImageConfig::clip(side));
  if (preparation_.crop_width != side || preparation_.crop_height != side) {
    throw failure((folder / "preprocessor_config.json").string() + ": crop_size: expected " +
                  std::to_string(side) + ", which is image_size in safety_checker/config.json");
  }
}

SafetyVerdict SafetyJudge::judge(const Image& image) {
  torch::NoGradGuard no_grad;
  const auto excess = model_(model_image(image, preparation_).unsqueeze(0).to(device_));
  const auto values = [](const torch::Tensor& row) {
    return std::span<const double>(row.data_ptr<double>(), static_cast<std::size_t>(row.numel()));
  };
  return safety_verdict(values(excess.special_care[0]), values(excess.concepts[0]));
}

}  // namespace forgedit
