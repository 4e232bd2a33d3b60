#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/metrics/clip_score.h"
#include "forgedit/metrics/lpips_distance.h"

namespace forgedit {

/// One way to measure an edit.
struct Metric {
  const char* key;  ///< key in records: "clip_score"
  const char* label;
  bool higher_is_better;
  int digits;  ///< digits after the decimal point
  const char* summary;
};

/// All metrics, in the order of tables.
std::span<const Metric> edit_metrics();

/// A list for the pages of results: an object with "key", "label", "higher", "digits" and "summary" for each
/// metric.
nlohmann::json metrics_json(std::span<const Metric> metrics);

/// Values by Metric::key. A metric that could not be measured is absent.
using EditScores = std::map<std::string, double>;

/// Weights that some metrics need; all may be empty.
struct ScorerFiles {
  std::filesystem::path clip;                ///< a CLIPModel folder
  std::vector<std::filesystem::path> lpips;  ///< see load_lpips
};

/// Scores edits with every metric whose weights are given.
class EditScorer {
 public:
  EditScorer(const ScorerFiles& files, const c10::Device& device);

  /// The original and texts that edits of one picture for one target are compared with.
  struct Reference {
    Image original;
    torch::Tensor image, target, source;  ///< embeddings; undefined without CLIP or a source text
  };
  Reference prepare(const Image& original, const std::string& target,
                    const std::optional<std::string>& source = {});

  /// CLIP receives each image at its own size. For all other metrics the original is first scaled to the size
  /// of `edited` (Lanczos), so that an edit is scored at the size at which it was generated.
  EditScores score(const Reference& reference, const Image& edited) {
    return score(reference, std::span<const Image>(&edited, 1)).front();
  }
  /// The same for several images. Networks process them together; CPU threads share the other metrics.
  std::vector<EditScores> score(const Reference& reference, std::span<const Image> edited);

  /// The skipped metrics with reasons, by key.
  const std::map<std::string, std::string>& skipped() const { return skipped_; }
  /// A fingerprint of all its weights, to distinguish scorers.
  const std::string& weights_fingerprint() const { return weights_fingerprint_; }

 private:
  void score_by_clip(const Reference& reference, std::span<const Image> edited,
                     std::vector<EditScores>& scores);

  std::optional<ClipScorer> clip_;
  LpipsNetworks lpips_;
  std::map<std::string, std::string> skipped_;
  std::string weights_fingerprint_;
};

// Cells of a text table. Those of one column are right-aligned to the same width.

std::string metric_title(const Metric& metric);
/// Returns "0.2871", or "–" if `scores` does not have the metric.
std::string score_text(const EditScores& scores, const Metric& metric);

}  // namespace forgedit
