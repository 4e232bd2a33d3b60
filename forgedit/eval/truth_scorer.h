#pragma once

#include <span>
#include <string>
#include <vector>

#include "forgedit/eval/benchmark.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/models/vae.h"
#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// The metrics of TruthScorer, in the order of tables. The first three are 0 or 1.
std::span<const Metric> truth_metrics();

// Thresholds from which on the unchanged part counts as kept. They were set from images whose answer is
// known, before any edit was generated: see docs/miniedit.md.
inline constexpr double kLeastKeptPsnr = 20;      ///< dB
inline constexpr double kMostKeptDistance = 0.6;  ///< in standard deviations of a latent
/// In levels of 256, in the worst channel: a background that differs more from the truth's counts as a
/// different one. Less than half the distance of the nearest two of the miniature's twelve backgrounds (70).
inline constexpr double kMostBackgroundLevels = 30;

/// Scores edits by their true answers. Images are compared by colours and by latents of a VAE's encoder at
/// two sizes, each divided by the truth's mean distance to the wrong answers. The result may be shifted by a
/// few pixels. If an edit lists other styles, `right` also requires the truth's background and style.
class TruthScorer {
 public:
  /// `vae` is float32; only its encoder is used.
  TruthScorer(AutoencoderKL vae, const c10::Device& device);

  /// Features of images, for comparison.
  struct Descriptor {
    torch::Tensor colours;               ///< (n, values): centres of the images, at half size
    std::vector<torch::Tensor> latents;  ///< (n, values), whole and half size

    /// Returns the rows with these indices (int64).
    Descriptor rows(const torch::Tensor& numbers) const;
  };
  struct Reference {
    std::int64_t width = 0, height = 0;
    Descriptor answers;        ///< the truth, the source, the distractors
    Descriptor identities;     ///< the truth and images that differ only in identity; may be empty
    Descriptor styles;         ///< the truth and the same in other styles; may be empty
    torch::Tensor background;  ///< (1, 3, 1, 1): background colour of the truth, in [-1, 1]
    torch::Tensor unit;        ///< (3): units of distance for colours and both latents
    torch::Tensor source;      ///< (1, 3, height, width) in [-1, 1]
    torch::Tensor kept;        ///< (1, 1, height, width): 1 well inside the area where source and truth agree
    bool asks_kept = false;    ///< whether enough of the picture must stay unchanged
    torch::Tensor source_latents;  ///< (1, channels, cells): the source's centre, at whole size
    torch::Tensor kept_cells;      ///< (1, 1, cells): 1 for latents whose pixels should all stay
    torch::Tensor source_silhouette, source_colours;
  };
  /// Reads the images of the answer, scaled to at most 128 pixels a side. Throws Error if one cannot be read.
  Reference prepare(const BenchEdit& edit);

  /// Returns values by the keys of truth_metrics. A metric that cannot be measured for this edit is absent,
  /// and `kept` does not require it.
  EditScores score(const Reference& reference, const Image& edited) {
    return score(reference, std::span<const Image>(&edited, 1)).front();
  }
  /// The same for several images, which the encoder processes together.
  std::vector<EditScores> score(const Reference& reference, std::span<const Image> edited);

 private:
  /// Returns (n, 3, height, width) in [-1, 1]. Images of another size are scaled.
  torch::Tensor read(std::span<const Image> images, std::int64_t width, std::int64_t height) const;
  Descriptor describe(const torch::Tensor& pictures);
  std::vector<torch::Tensor> latents_of(const torch::Tensor& centres);
  torch::Tensor centre(const torch::Tensor& pictures, std::int64_t shift) const;
  /// Images at all shifts, and the shifts at which they are nearest to other images.
  struct Moved;
  struct Nearest;
  Moved move(const torch::Tensor& pictures) const;
  Nearest nearest(const Moved& moved, const Descriptor& others) const;
  /// Encodes images only at the shifts that are used, because encoding is slow.
  class Encoded;
  struct KeptColours;
  KeptColours kept_colours(const Reference& reference, const Moved& moved) const;
  /// (n): distances in latents to the part that should stay; undefined if no latent covers only that part.
  torch::Tensor kept_distances(const Reference& reference, const torch::Tensor& latents) const;

  AutoencoderKL vae_;
  c10::Device device_;
};

/// Tests the scorer on images whose answer is known. The truth shifted, blurred, noisy, slightly recoloured
/// or encoded by the VAE must be right and kept; source, distractors and other styles must not be right;
/// identities must not be kept. Returns a text table.
std::string check_truth_scorer(TruthScorer& scorer, AutoencoderKL& vae, const Benchmark& benchmark,
                               const ProgressCallback& progress = {});

}  // namespace forgedit
