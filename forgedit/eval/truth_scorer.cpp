#include "forgedit/eval/truth_scorer.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/core/parallel.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 128;
constexpr std::int64_t kReach = 2;  // range of shifts, in pixels at half size: 4 at whole size
constexpr std::int64_t kShifts = 2 * kReach + 1;
constexpr double kLevel = 2.0 / 255;         // one of 256 levels in [-1, 1]
constexpr double kSameColour = 12 * kLevel;  // source and truth agree up to rounding and JPEG
constexpr std::int64_t kGuard = 3;           // pixels between the parts that may change and must stay
constexpr double kFewestKept = 0.02;         // share of all pixels
constexpr double kSilhouette = 40 * kLevel;  // a subject differs this much from the colour of the border
constexpr std::int64_t kBins = 5;            // bins per colour channel
constexpr std::int64_t kEncodedAtOnce = 32;

constexpr Metric kMetrics[] = {
    {"right", "right", true, 2,
     "nearer to the true answer than to the source and all distractors, with the right background and style"},
    {"kept", "kept", true, 2, "what the edit should keep is unchanged: PSNR, distance and identity"},
    {"right_and_kept", "both", true, 2, "right and kept"},
    {"truth_distance", "to truth", false, 3, "distance to the true answer; 1: as far as a wrong one"},
    {"kept_psnr", "kept PSNR", true, 2, "PSNR in dB to the original where nothing should change"},
    {"kept_distance", "kept dist.", false, 3,
     "distance in latents to the original where nothing should change"},
    {"identity", "identity", true, 2,
     "nearest to the true answer among answers that differ only in identity"},
    {"subject", "subject", true, 2, "nearer to the true answer than to the source and all distractors"},
    {"background", "backgr.", true, 2, "the background has the colour of the true answer"},
    {"style", "style", true, 2, "nearest to the true answer among the same answer in other styles"},
    {"structure", "structure", true, 3, "overlap of the subject's silhouette with the original's"},
    {"appearance", "appearance", true, 3, "overlap of the subject's colours with the original's"},
};

/// Returns the root of the mean square for each image.
torch::Tensor rms(const torch::Tensor& differences) {
  return differences.square().mean(-1).sqrt();
}

/// Returns (n, 3, 1, 1): the median colours of the images' borders.
torch::Tensor backgrounds_of(const torch::Tensor& pictures) {
  const auto border = torch::cat(
      {pictures.select(2, 0), pictures.select(2, -1), pictures.select(3, 0), pictures.select(3, -1)}, 2);
  // Like median(2), which is nondeterministic on a GPU.
  return std::get<0>(border.sort(2)).select(2, (border.size(2) - 1) / 2).view({-1, 3, 1, 1});
}

/// Returns (n, 1, h, w): 1 for pixels that differ from the background, else 0.
torch::Tensor silhouettes(const torch::Tensor& pictures) {
  return ((pictures - backgrounds_of(pictures)).abs().amax(1, true) > kSilhouette).to(torch::kFloat);
}

/// Returns (n, bins): shares of the colours under `masks`, spread over neighbouring bins; zeros if the mask
/// is empty.
torch::Tensor colour_histograms(const torch::Tensor& pictures, const torch::Tensor& masks) {
  const auto pixels = pictures.permute({0, 2, 3, 1}).flatten(1, 2);
  const auto inside = masks.flatten(1).unsqueeze(-1);
  const auto centres = torch::arange(kBins, pictures.options());
  const auto place = (pixels + 1) * (0.5 * (kBins - 1));
  const auto share = (1 - (place.unsqueeze(-1) - centres).abs()).clamp_min(0);  // (n, pixels, 3, bins)
  const auto sums = torch::einsum("npi,npj,npk->nijk",
                                  {share.select(2, 0) * inside, share.select(2, 1), share.select(2, 2)});
  return sums.flatten(1) / inside.sum(1).clamp_min(1);
}

std::vector<Image> read_images(const std::vector<fs::path>& files) {
  std::vector<Image> images(files.size());
  parallel_for(std::ssize(files), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      images[i] = read_image(files[i]);
    }
  });
  return images;
}

/// Copies a tensor (n) to a vector.
std::vector<double> values_of(const torch::Tensor& values) {
  const auto on_cpu = values.to(torch::kCPU, torch::kDouble).contiguous();
  return {on_cpu.data_ptr<double>(), on_cpu.data_ptr<double>() + on_cpu.numel()};
}

/// Adds the scores that follow from others. If kept or style cannot be measured, they count as right.
void sum_up(EditScores& scores) {
  const auto holds = [&](const char* key, auto check) {
    const auto found = scores.find(key);
    return found == scores.end() || check(found->second);
  };
  const auto is_one = [](double value) { return value == 1; };
  const bool right = scores["right"] == 1 && holds("background", is_one) && holds("style", is_one);
  const bool kept = holds("kept_psnr", [](double value) { return value >= kLeastKeptPsnr; }) &&
                    holds("kept_distance", [](double value) { return value <= kMostKeptDistance; }) &&
                    holds("identity", is_one);
  scores["right"] = right;
  scores["kept"] = kept;
  scores["right_and_kept"] = right && kept;
}

/// Adds values (n) to the scores of n images.
void put(const char* key, const torch::Tensor& values, std::vector<EditScores>& scores) {
  const auto all = values_of(values);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i][key] = all[i];
}

}  // namespace

std::span<const Metric> truth_metrics() {
  return kMetrics;
}

TruthScorer::TruthScorer(AutoencoderKL vae, const c10::Device& device)
    : vae_(std::move(vae)), device_(device) {
  if (vae_->config().factor() < 2 * kReach) {
    throw usage_error("the scorer's VAE: expected latents of at least 4 pixels per side");
  }
}

torch::Tensor TruthScorer::read(std::span<const Image> images, std::int64_t width,
                                std::int64_t height) const {
  std::vector<torch::Tensor> pictures(images.size());
  parallel_for(std::ssize(images), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const bool fits = images[i].width == width && images[i].height == height;
      pictures[i] = image_to_tensor(
          fits ? images[i]
               : resize(images[i], static_cast<int>(width), static_cast<int>(height), Resample::lanczos));
    }
  });
  return torch::cat(pictures).to(device_);
}

/// Returns the compared part of an image: all but a margin, which leaves room for shifts. `shift` is the
/// index in a (kShifts x kShifts) square, whose middle is no shift.
torch::Tensor TruthScorer::centre(const torch::Tensor& pictures, std::int64_t shift) const {
  const auto margin = vae_->config().factor();
  const auto y = margin + 2 * (shift / kShifts - kReach), x = margin + 2 * (shift % kShifts - kReach);
  return pictures.narrow(2, y, pictures.size(2) - 2 * margin).narrow(3, x, pictures.size(3) - 2 * margin);
}

std::vector<torch::Tensor> TruthScorer::latents_of(const torch::Tensor& centres) {
  const auto encode = [&](const torch::Tensor& pictures) {
    return (vae_->encode(pictures).mean * vae_->config().scaling_factor).flatten(1);
  };
  std::vector<torch::Tensor> whole, half;
  for (const auto& part : centres.split(kEncodedAtOnce)) {
    // On a GPU the batch size is constant, because cuDNN plans each convolution again for another size.
    const auto more = part.is_cpu() ? 0 : kEncodedAtOnce - part.size(0);
    const auto padded = torch::cat({part, part.slice(0, 0, 1).expand({more, -1, -1, -1})});
    whole.push_back(encode(padded).narrow(0, 0, part.size(0)));
    half.push_back(encode(torch::avg_pool2d(padded, 2)).narrow(0, 0, part.size(0)));
  }
  return {torch::cat(whole), torch::cat(half)};
}

TruthScorer::Descriptor TruthScorer::Descriptor::rows(const torch::Tensor& numbers) const {
  const auto at = numbers.to(colours.device());
  Descriptor result{colours.index_select(0, at), {}};
  for (const auto& each : latents) result.latents.push_back(each.index_select(0, at));
  return result;
}

TruthScorer::Descriptor TruthScorer::describe(const torch::Tensor& pictures) {
  const auto centres = centre(pictures, kShifts * kShifts / 2);
  return {torch::avg_pool2d(centres, 2).flatten(1), latents_of(centres)};
}

struct TruthScorer::Moved {
  torch::Tensor pictures;  // (n, shifts, 3, height, width)
  torch::Tensor colours;   // (n, shifts, values), at half size
};

struct TruthScorer::Nearest {
  torch::Tensor distances;  // (n, others): distances of colours
  torch::Tensor shifts;     // (n, others), on the CPU
};

struct TruthScorer::KeptColours {
  torch::Tensor psnr;    // (n)
  torch::Tensor shifts;  // (n, 1), on the CPU: shifts with the least change of the part that should stay
};

TruthScorer::Moved TruthScorer::move(const torch::Tensor& pictures) const {
  std::vector<torch::Tensor> all;
  for (std::int64_t shift = 0; shift < kShifts * kShifts; ++shift) all.push_back(centre(pictures, shift));
  const auto moved = torch::stack(all, 1);
  return {moved, torch::avg_pool2d(moved.flatten(0, 1), 2).view({pictures.size(0), kShifts * kShifts, -1})};
}

TruthScorer::Nearest TruthScorer::nearest(const Moved& moved, const Descriptor& others) const {
  std::vector<torch::Tensor> by_other;
  for (std::int64_t i = 0; i < others.colours.size(0); ++i) {
    by_other.push_back(rms(moved.colours - others.colours[i]));
  }
  const auto [distances, at] = torch::stack(by_other, 1).min(2);
  return {distances, at.to(torch::kCPU)};
}

class TruthScorer::Encoded {
 public:
  /// `shifts` (n, any), on the CPU.
  Encoded(TruthScorer& scorer, const Moved& moved, const torch::Tensor& shifts)
      : places_(torch::zeros({shifts.size(0), kShifts * kShifts}, torch::kLong)) {
    places_.scatter_(1, shifts, 1);
    const auto asked = places_.flatten().nonzero().flatten();
    places_.view({-1}).index_copy_(0, asked, torch::arange(asked.size(0)));
    const auto pictures = moved.pictures.flatten(0, 1);
    latents_ = scorer.latents_of(pictures.index_select(0, asked.to(pictures.device())));
  }
  /// Returns (n, any, values) at `shifts` (n, any). `size` is 0 for the whole size and 1 for the half.
  torch::Tensor at(std::size_t size, const torch::Tensor& shifts) const {
    const auto rows = places_.gather(1, shifts).flatten().to(latents_[size].device());
    return latents_[size].index_select(0, rows).view({shifts.size(0), shifts.size(1), -1});
  }
  /// Returns (n, others): distances in the reference's units.
  torch::Tensor distances(const Nearest& nearest, const Descriptor& others, const torch::Tensor& unit) const {
    return (terms(nearest, others) / unit).mean(2);
  }
  /// Returns (n, others, 3): distances of colours and of both latents.
  torch::Tensor terms(const Nearest& nearest, const Descriptor& others) const {
    std::vector<torch::Tensor> terms{nearest.distances};
    for (std::size_t k = 0; k < latents_.size(); ++k) {
      terms.push_back(rms(at(k, nearest.shifts) - others.latents[k]));
    }
    return torch::stack(terms, 2);
  }

 private:
  torch::Tensor places_;  // (n, shifts), on the CPU: rows of the latents
  std::vector<torch::Tensor> latents_;
};

TruthScorer::Reference TruthScorer::prepare(const BenchEdit& edit) {
  torch::NoGradGuard no_grad;
  const auto& answer = edit.answer.value();
  const auto truth = read_image(answer.truth);
  const auto longest = std::max(truth.width, truth.height);
  const auto unit = 2 * vae_->config().factor();
  const auto side = [&](int length) {
    const auto scaled = longest > kSide ? length * kSide / longest : static_cast<std::int64_t>(length);
    return std::max(scaled / unit * unit, 2 * unit);
  };
  Reference reference;
  reference.width = side(truth.width);
  reference.height = side(truth.height);
  std::vector<fs::path> files{answer.truth, edit.picture};
  const auto add = [&](const std::vector<fs::path>& more) {
    files.insert(files.end(), more.begin(), more.end());
    return static_cast<std::int64_t>(more.size());
  };
  const auto answers = 2 + add(answer.distractors), identities = add(answer.identities),
             styles = add(answer.styles);
  const auto pictures = read(read_images(files), reference.width, reference.height);
  const auto all = describe(pictures);
  reference.answers = all.rows(torch::arange(answers));
  const auto truth_and = [&](std::int64_t first, std::int64_t count) {
    if (count == 0) return Descriptor{};
    return all.rows(torch::cat({torch::zeros(1, torch::kLong), torch::arange(first, first + count)}));
  };
  reference.identities = truth_and(answers, identities);
  reference.styles = truth_and(answers + identities, styles);
  const auto right = pictures.narrow(0, 0, 1);
  reference.background = backgrounds_of(right);
  const auto moved = move(right);
  const auto from_truth = nearest(moved, reference.answers);
  reference.unit = Encoded(*this, moved, from_truth.shifts)
                       .terms(from_truth, reference.answers)[0]
                       .slice(0, 1)
                       .mean(0)
                       .clamp_min(1e-6);
  reference.source = pictures.narrow(0, 1, 1);
  const auto changed = ((right - reference.source).abs().amax(1, true) > kSameColour).to(torch::kFloat);
  reference.kept = 1 - torch::max_pool2d(changed, 2 * kGuard + 1, 1, kGuard);
  reference.source_silhouette = silhouettes(reference.source);
  reference.source_colours = colour_histograms(reference.source, reference.source_silhouette);
  const auto middle = centre(reference.kept, kShifts * kShifts / 2);
  reference.asks_kept =
      reference.kept.mean().item<double>() >= kFewestKept && middle.mean().item<double>() > 0;
  reference.kept_cells =
      (torch::avg_pool2d(middle, vae_->config().factor()) > 0.999).to(torch::kFloat).flatten(2);
  reference.source_latents =
      reference.answers.latents[0].slice(0, 1, 2).view({1, vae_->config().latent_channels, -1});
  return reference;
}

/// The part that should stay may be shifted too.
TruthScorer::KeptColours TruthScorer::kept_colours(const Reference& reference, const Moved& moved) const {
  const auto middle = kShifts * kShifts / 2;
  const auto source = centre(reference.source, middle), kept = centre(reference.kept, middle);
  const auto [least, at] = ((moved.pictures - source).square() * kept).mean({2, 3, 4}).min(1);
  const auto error = least.to(torch::kCPU, torch::kDouble) / kept.mean().item<double>();
  return {-10 * (error / 4).log10(), at.to(torch::kCPU).unsqueeze(1)};
}

torch::Tensor TruthScorer::kept_distances(const Reference& reference, const torch::Tensor& latents) const {
  const auto& source = reference.source_latents;
  const double values = reference.kept_cells.sum().item<double>() * static_cast<double>(source.size(1));
  if (values == 0) return {};
  const auto difference = latents.view({-1, source.size(1), source.size(2)}) - source;
  return ((difference.square() * reference.kept_cells).sum({1, 2}) / values).sqrt();
}

std::vector<EditScores> TruthScorer::score(const Reference& reference, std::span<const Image> edited) {
  torch::NoGradGuard no_grad;
  std::vector<EditScores> all(edited.size());
  if (edited.empty()) return all;
  const auto pictures = read(edited, reference.width, reference.height);
  const auto moved = move(pictures);
  const bool asks_identity = reference.identities.colours.defined();
  const bool asks_style = reference.styles.colours.defined();
  const auto answers = nearest(moved, reference.answers);
  const auto identities = asks_identity ? nearest(moved, reference.identities) : Nearest{};
  const auto styles = asks_style ? nearest(moved, reference.styles) : Nearest{};
  const auto kept = reference.asks_kept ? kept_colours(reference, moved) : KeptColours{};
  std::vector<torch::Tensor> shifts{answers.shifts};
  for (const auto& more : {identities.shifts, styles.shifts, kept.shifts}) {
    if (more.defined()) shifts.push_back(more);
  }
  const Encoded encoded(*this, moved, torch::cat(shifts, 1));
  const auto is_truth = [&](const Nearest& found, const Descriptor& others) {
    return encoded.distances(found, others, reference.unit).argmin(1) == 0;
  };
  const auto distances = encoded.distances(answers, reference.answers, reference.unit);
  put("truth_distance", distances.select(1, 0), all);
  put("right", distances.select(1, 0) < distances.slice(1, 1).amin(1), all);
  if (asks_style) {
    const auto off = (backgrounds_of(pictures) - reference.background).abs().amax({1, 2, 3});
    put("subject", distances.select(1, 0) < distances.slice(1, 1).amin(1), all);
    put("background", off <= kMostBackgroundLevels * kLevel, all);
    put("style", is_truth(styles, reference.styles), all);
  }
  if (reference.asks_kept) {
    put("kept_psnr", kept.psnr, all);
    const auto distance = kept_distances(reference, encoded.at(0, kept.shifts));
    if (distance.defined()) put("kept_distance", distance, all);
  }
  if (asks_identity) put("identity", is_truth(identities, reference.identities), all);
  for (auto& scores : all) sum_up(scores);

  const auto& before = reference.source_silhouette;
  const auto after = silhouettes(pictures);
  const auto common = (before * after).sum({1, 2, 3}), both = torch::max(before, after).sum({1, 2, 3});
  put("structure", torch::where(both > 0, common / both, torch::ones_like(both)), all);
  put("appearance", torch::min(reference.source_colours, colour_histograms(pictures, after)).sum(1), all);
  return all;
}

}  // namespace forgedit
