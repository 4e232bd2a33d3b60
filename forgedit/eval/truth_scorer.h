#pragma once

#include <span>
#include <string>
#include <vector>

#include "forgedit/eval/benchmark.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/models/vae.h"
#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// What TruthScorer measures, in the order of tables; the first three are 0 or 1.
std::span<const Metric> truth_metrics();

// From here on what should stay has stayed. Set from pictures whose answer is known, before any edit was
// drawn: docs/miniedit.md says how.
inline constexpr double kLeastKeptPsnr = 20;      ///< dB
inline constexpr double kMostKeptDistance = 0.6;  ///< in standard deviations of a latent
/// Of 256 levels, in the worst channel: a background further from the truth's is another one. Under half of
/// what the nearest two of the miniature's twelve are apart (70).
inline constexpr double kMostBackgroundLevels = 30;

/// Scores edits by their true answers. Images are compared by colours and by the latents of a VAE's encoder
/// at two sizes, each in units of the truth's mean distance to what the result should not be; the result may
/// lie a few pixels aside. Where an edit names other styles, right also asks for the truth's background and
/// style.
class TruthScorer {
 public:
  /// `vae` in float32; only its encoder is used.
  TruthScorer(AutoencoderKL vae, const c10::Device& device);

  /// Pictures as results are compared with them.
  struct Descriptor {
    torch::Tensor colours;               ///< (n, values): centres of the pictures, at half size
    std::vector<torch::Tensor> latents;  ///< (n, values), whole and half size

    /// Those of these numbers (int64).
    Descriptor rows(const torch::Tensor& numbers) const;
  };
  struct Reference {
    std::int64_t width = 0, height = 0;
    Descriptor answers;        ///< the truth, the source, the distractors
    Descriptor identities;     ///< the truth and what differs only in identity; empty where nothing does
    Descriptor styles;         ///< the truth and the same in other styles; empty where style is not asked for
    torch::Tensor background;  ///< (1, 3, 1, 1): the truth's, in [-1, 1]
    torch::Tensor unit;        ///< (3) of colours and latents
    torch::Tensor source;      ///< (1, 3, height, width) in [-1, 1]
    torch::Tensor kept;        ///< (1, 1, height, width): 1 well inside of where source and truth agree
    bool asks_kept = false;    ///< whether enough of the picture has to stay
    torch::Tensor source_latents;  ///< (1, channels, cells) of the source's centre, at whole size
    torch::Tensor kept_cells;      ///< (1, 1, cells): latents that see only what should stay
    torch::Tensor source_silhouette, source_colours;
  };
  /// Scales all pictures to at most 128 pixels a side. Throws Error where one cannot be read.
  Reference prepare(const BenchEdit& edit);

  /// Values by truth_metrics' keys. What an edit has nothing to measure by is absent and not asked for in
  /// `kept`.
  EditScores score(const Reference& reference, const Image& edited) {
    return score(reference, std::span<const Image>(&edited, 1)).front();
  }
  /// The same of several, which the encoder sees together.
  std::vector<EditScores> score(const Reference& reference, std::span<const Image> edited);

 private:
  /// (n, 3, height, width) in [-1, 1], scaled where a picture is of another size.
  torch::Tensor read(std::span<const Image> images, std::int64_t width, std::int64_t height) const;
  Descriptor describe(const torch::Tensor& pictures);
  std::vector<torch::Tensor> latents_of(const torch::Tensor& centres);
  torch::Tensor centre(const torch::Tensor& pictures, std::int64_t shift) const;
  /// Pictures at all shifts, and at which of them they are nearest to others.
  struct Moved;
  struct Nearest;
  Moved move(const torch::Tensor& pictures) const;
  Nearest nearest(const Moved& moved, const Descriptor& others) const;
  /// Encodes pictures at the shifts that are asked for: few come up, and encoding is what takes time.
  class Encoded;
  struct KeptColours;
  KeptColours kept_colours(const Reference& reference, const Moved& moved) const;
  /// (n): distances in latents to what should stay; undefined where no latent sees that alone.
  torch::Tensor kept_distances(const Reference& reference, const torch::Tensor& latents) const;

  AutoencoderKL vae_;
  c10::Device device_;
};

/// Holds the scorer against pictures whose answer is known: the truth moved, blurred, noisy, recoloured a
/// little or through the VAE, which must be right and kept; source, distractors and other styles, which must
/// not be right; identities, which must not be kept. A text table.
std::string check_truth_scorer(TruthScorer& scorer, AutoencoderKL& vae, const Benchmark& benchmark,
                               const ProgressCallback& progress = {});

}  // namespace forgedit
