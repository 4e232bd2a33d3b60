#include "forgedit/metrics/edit_scorer.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/parallel.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/metrics/image_quality.h"

namespace forgedit {
namespace {

constexpr Metric kMetrics[] = {
    {"clip", "CLIP", true, 4, "cosine of the edited image and the prompt"},
    {"clip_score", "CLIPScore", true, 4, "2.5 · max(cosine, 0)"},
    {"clip_direction", "CLIP direction", true, 4,
     "cosine of the change of the image and the change from caption to prompt"},
    {"clip_image", "CLIP image", true, 4, "cosine of the edited image and the original"},
    {"lpips_alex", "LPIPS alex", false, 4, "perceptual distance to the original, AlexNet"},
    {"lpips_vgg", "LPIPS vgg", false, 4, "perceptual distance to the original, VGG16"},
    {"psnr", "PSNR", true, 2, "peak signal-to-noise ratio to the original, in dB"},
    {"ssim", "SSIM", true, 4, "structural similarity to the original"},
};

/// Room for "-0.1234" under a short title.
std::size_t column_width(const Metric& metric) {
  return std::max<std::size_t>(std::string(metric.label).size(), 7);
}

std::string lpips_key(LpipsTrunk trunk) {
  return std::string("lpips_") + lpips_trunk_name(trunk);
}

Image at_size_of(const Image& edited, const Image& original) {
  if (original.width == edited.width && original.height == edited.height) return original;
  return resize(original, edited.width, edited.height, Resample::lanczos);
}

}  // namespace

std::span<const Metric> edit_metrics() {
  return kMetrics;
}

nlohmann::json metrics_json(std::span<const Metric> metrics) {
  auto list = nlohmann::json::array();
  for (const auto& metric : metrics) {
    list.push_back({{"key", metric.key},
                    {"label", metric.label},
                    {"higher", metric.higher_is_better},
                    {"digits", metric.digits},
                    {"summary", metric.summary}});
  }
  return list;
}

EditScorer::EditScorer(const ScorerFiles& files, const c10::Device& device) {
  if (files.clip.empty()) {
    for (const auto& metric : kMetrics) {
      if (std::string_view(metric.key).starts_with("clip")) skipped_[metric.key] = "no CLIP model given";
    }
  } else {
    clip_.emplace(files.clip, device);
  }
  lpips_ = load_lpips(files.lpips, device);
  for (const auto& [trunk, reason] : lpips_.incomplete) skipped_[lpips_key(trunk)] = reason;

  StateDict all;
  const auto add = [&](const std::string& name, const torch::nn::Module& network) {
    for (const auto& [key, tensor] : parameters_of(network)) all.emplace(name + "." + key, tensor);
  };
  if (clip_) add("clip", *clip_->model());
  for (const auto& [trunk, network] : lpips_.networks) add(lpips_key(trunk), *network);
  weights_fingerprint_ = fingerprint(all);
}

EditScorer::Reference EditScorer::prepare(const Image& original, const std::string& target,
                                          const std::optional<std::string>& source) {
  Reference reference{original, {}, {}, {}};
  if (!clip_) return reference;
  reference.image = clip_->embed(original);
  reference.target = clip_->embed(target);
  if (source) reference.source = clip_->embed(*source);
  return reference;
}

void EditScorer::score_by_clip(const Reference& reference, std::span<const Image> edited,
                               std::vector<EditScores>& all) {
  const auto images = clip_->embed(edited);
  for (std::size_t i = 0; i < edited.size(); ++i) {
    auto& scores = all[i];
    const auto image = images[static_cast<std::int64_t>(i)];
    const double cosine = clip_cosine(image, reference.target);
    scores["clip"] = cosine;
    scores["clip_score"] = clip_score(cosine);
    scores["clip_image"] = clip_cosine(image, reference.image);
    if (!reference.source.defined()) continue;
    const auto direction = clip_direction(reference.image, image, reference.source, reference.target);
    if (direction) scores["clip_direction"] = *direction;
  }
}

std::vector<EditScores> EditScorer::score(const Reference& reference, std::span<const Image> edited) {
  std::vector<EditScores> all(edited.size());
  if (edited.empty()) return all;
  if (clip_) score_by_clip(reference, edited, all);
  for (auto& [trunk, network] : lpips_.networks) {
    const auto distances = lpips_distances(network, reference.original, edited);
    for (std::size_t i = 0; i < all.size(); ++i) all[i][lpips_key(trunk)] = distances[i];
  }
  parallel_for(std::ssize(edited), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = first; i < last; ++i) {
      const auto& picture = edited[static_cast<std::size_t>(i)];
      auto& scores = all[static_cast<std::size_t>(i)];
      const auto original = at_size_of(picture, reference.original);
      scores["psnr"] = psnr(original, picture);
      scores["ssim"] = ssim(original, picture);
    }
  });
  // Scores of networks with weights that are not finite are meaningless.
  for (auto& scores : all) {
    std::erase_if(scores, [](const auto& score) { return std::isnan(score.second); });
  }
  return all;
}

std::string metric_title(const Metric& metric) {
  return fmt::format("{:>{}}", metric.label, column_width(metric));
}

std::string score_text(const EditScores& scores, const Metric& metric) {
  const auto found = scores.find(metric.key);
  const auto text = found == scores.end() ? "–" : fmt::format("{:.{}f}", found->second, metric.digits);
  return fmt::format("{:>{}}", text, column_width(metric));
}

}  // namespace forgedit
