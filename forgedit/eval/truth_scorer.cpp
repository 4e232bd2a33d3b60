#include "forgedit/eval/truth_scorer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 128;
constexpr std::int64_t kReach = 2;  // of the search for shifts, in pixels of the half size: 4 of the whole
constexpr std::int64_t kShifts = 2 * kReach + 1;
constexpr double kLevel = 2.0 / 255;         // one of 256 values in [-1, 1]
constexpr double kSameColour = 12 * kLevel;  // source and truth agree: rounding and JPEG, no more
constexpr std::int64_t kGuard = 3;           // pixels between what may change and what is held to stay
constexpr double kFewestKept = 0.02;         // of all pixels
constexpr double kSilhouette = 40 * kLevel;  // a subject differs this much from the border's colour
constexpr std::int64_t kBins = 5;            // of a colour channel

constexpr Metric kMetrics[] = {
    {"right", "right", true, 2,
     "nearer to the true answer than to the source and all distractors, and of its background and style"},
    {"kept", "kept", true, 2, "what the edit should keep is still there: PSNR, distance and identity"},
    {"right_and_kept", "both", true, 2, "right and kept"},
    {"truth_distance", "to truth", false, 3, "distance to the true answer; 1: as far as a wrong one"},
    {"kept_psnr", "kept PSNR", true, 2, "dB to the original where nothing should change"},
    {"kept_distance", "kept dist.", false, 3,
     "distance in latents to the original where nothing should change"},
    {"identity", "identity", true, 2, "nearest to the truth among answers that differ only in identity"},
    {"background", "backgr.", true, 2, "the background's colour is the true answer's"},
    {"style", "style", true, 2, "nearest to the truth among the same in other styles"},
    {"structure", "structure", true, 3, "overlap of the subject's silhouette with the original's"},
    {"appearance", "appearance", true, 3, "overlap of the subject's colours with the original's"},
};

/// One value a picture: the root of the mean square.
torch::Tensor rms(const torch::Tensor& differences) {
  return differences.square().mean(-1).sqrt();
}

/// (1, 3, 1, 1): the middle colour of the picture's border.
torch::Tensor background_of(const torch::Tensor& picture) {
  const auto border = torch::cat(
      {picture.select(2, 0), picture.select(2, -1), picture.select(3, 0), picture.select(3, -1)}, 2);
  // As median(2), which on a GPU has no way that repeats.
  return std::get<0>(border.sort(2)).select(2, (border.size(2) - 1) / 2).view({1, 3, 1, 1});
}

/// (1, 1, h, w) 0 or 1: what differs from the background.
torch::Tensor silhouette(const torch::Tensor& picture) {
  return ((picture - background_of(picture)).abs().amax(1, true) > kSilhouette).to(torch::kFloat);
}

/// Shares of the colours under `mask`, spread over neighbouring bins; zeros where there is nothing.
torch::Tensor colour_histogram(const torch::Tensor& picture, const torch::Tensor& mask) {
  const auto pixels = picture.permute({0, 2, 3, 1}).reshape({-1, 3}).index({mask.reshape({-1}) > 0});
  if (pixels.size(0) == 0) return torch::zeros({kBins * kBins * kBins}, picture.options());
  const auto centres = torch::arange(kBins, picture.options());
  const auto place = (pixels + 1) * (0.5 * (kBins - 1));
  const auto share = (1 - (place.unsqueeze(-1) - centres).abs()).clamp_min(0);  // (pixels, 3, bins)
  return torch::einsum("pi,pj,pk->ijk", {share.select(1, 0), share.select(1, 1), share.select(1, 2)})
             .reshape({-1}) /
         pixels.size(0);
}

}  // namespace

std::span<const Metric> truth_metrics() {
  return kMetrics;
}

TruthScorer::TruthScorer(AutoencoderKL vae, const c10::Device& device)
    : vae_(std::move(vae)), device_(device) {
  if (vae_->config().factor() < 2 * kReach) {
    throw usage_error("the scorer's VAE: expected a latent to stand for at least 4 pixels a side");
  }
}

torch::Tensor TruthScorer::read(const Image& image, std::int64_t width, std::int64_t height) const {
  const bool fits = image.width == width && image.height == height;
  const auto scaled =
      fits ? image : resize(image, static_cast<int>(width), static_cast<int>(height), Resample::lanczos);
  return image_to_tensor(scaled).to(device_);
}

/// What is compared of a picture: all but a margin, which leaves room for shifts. `shift` counts the places
/// of a (kShifts x kShifts) square, its middle being none.
torch::Tensor TruthScorer::centre(const torch::Tensor& picture, std::int64_t shift) const {
  const auto margin = vae_->config().factor();
  const auto y = margin + 2 * (shift / kShifts - kReach), x = margin + 2 * (shift % kShifts - kReach);
  return picture.narrow(2, y, picture.size(2) - 2 * margin).narrow(3, x, picture.size(3) - 2 * margin);
}

std::vector<torch::Tensor> TruthScorer::latents_of(const torch::Tensor& centres) {
  const auto encode = [&](const torch::Tensor& pictures) {
    return (vae_->encode(pictures).mean * vae_->config().scaling_factor).flatten(1);
  };
  return {encode(centres), encode(torch::avg_pool2d(centres, 2))};
}

TruthScorer::Descriptor TruthScorer::describe(const torch::Tensor& pictures) {
  const auto centres = centre(pictures, kShifts * kShifts / 2);
  return {torch::avg_pool2d(centres, 2).flatten(1), latents_of(centres)};
}

struct TruthScorer::Moved {
  torch::Tensor pictures;  // (shifts, 3, height, width)
  torch::Tensor colours;   // (shifts, values), at half size
};

struct TruthScorer::Nearest {
  torch::Tensor distances;           // (n) of colours
  std::vector<std::int64_t> shifts;  // (n)
};

TruthScorer::Moved TruthScorer::move(const torch::Tensor& picture) const {
  std::vector<torch::Tensor> all;
  for (std::int64_t shift = 0; shift < kShifts * kShifts; ++shift) all.push_back(centre(picture, shift));
  const auto pictures = torch::cat(all);
  return {pictures, torch::avg_pool2d(pictures, 2).flatten(1)};
}

TruthScorer::Nearest TruthScorer::nearest(const Moved& moved, const Descriptor& others) const {
  std::vector<torch::Tensor> by_other;
  for (std::int64_t i = 0; i < others.colours.size(0); ++i) {
    by_other.push_back(rms(moved.colours - others.colours[i]));
  }
  const auto [distances, at] = torch::stack(by_other).min(1);
  const auto on_cpu = at.to(torch::kCPU);
  const auto* shifts = on_cpu.data_ptr<std::int64_t>();
  return {distances, {shifts, shifts + on_cpu.numel()}};
}

class TruthScorer::Encoded {
 public:
  Encoded(TruthScorer& scorer, const Moved& moved, std::vector<std::int64_t> shifts)
      : shifts_(std::move(shifts)) {
    std::sort(shifts_.begin(), shifts_.end());
    shifts_.erase(std::unique(shifts_.begin(), shifts_.end()), shifts_.end());
    std::vector<torch::Tensor> centres;
    for (const auto shift : shifts_) centres.push_back(moved.pictures.narrow(0, shift, 1));
    latents_ = scorer.latents_of(torch::cat(centres));
  }
  /// (n, values) at `shifts`; `size` 0 for the whole and 1 for the half.
  torch::Tensor at(std::size_t size, const std::vector<std::int64_t>& shifts) const {
    std::vector<std::int64_t> rows;
    for (const auto shift : shifts) {
      rows.push_back(std::lower_bound(shifts_.begin(), shifts_.end(), shift) - shifts_.begin());
    }
    return latents_[size].index_select(0, torch::tensor(rows, torch::kLong).to(latents_[size].device()));
  }
  /// Distances (n, 3) to others: of colours and of latents.
  torch::Tensor distances(const Nearest& nearest, const Descriptor& others) const {
    std::vector<torch::Tensor> terms{nearest.distances};
    for (std::size_t k = 0; k < latents_.size(); ++k) {
      terms.push_back(rms(at(k, nearest.shifts) - others.latents[k]));
    }
    return torch::stack(terms, 1);
  }

 private:
  std::vector<std::int64_t> shifts_;
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
  const auto add = [&](std::vector<torch::Tensor>& pictures, const std::vector<fs::path>& files) {
    for (const auto& file : files)
      pictures.push_back(read(read_image(file), reference.width, reference.height));
  };
  std::vector<torch::Tensor> answers;
  add(answers, {answer.truth, edit.picture});
  add(answers, answer.distractors);
  reference.answers = describe(torch::cat(answers));
  const auto truth_and = [&](const std::vector<fs::path>& others) {
    if (others.empty()) return Descriptor{};
    std::vector<torch::Tensor> pictures{answers[0]};
    add(pictures, others);
    return describe(torch::cat(pictures));
  };
  reference.identities = truth_and(answer.identities);
  reference.styles = truth_and(answer.styles);
  reference.background = background_of(answers[0]);
  const auto moved = move(answers[0]);
  const auto from_truth = nearest(moved, reference.answers);
  reference.unit = Encoded(*this, moved, from_truth.shifts)
                       .distances(from_truth, reference.answers)
                       .slice(0, 1)
                       .mean(0)
                       .clamp_min(1e-6);
  reference.source = answers[1];
  const auto changed = ((answers[0] - answers[1]).abs().amax(1, true) > kSameColour).to(torch::kFloat);
  reference.kept = 1 - torch::max_pool2d(changed, 2 * kGuard + 1, 1, kGuard);
  reference.source_silhouette = silhouette(reference.source);
  reference.source_colours = colour_histogram(reference.source, reference.source_silhouette);
  const auto middle = centre(reference.kept, kShifts * kShifts / 2);
  reference.asks_kept =
      reference.kept.mean().item<double>() >= kFewestKept && middle.mean().item<double>() > 0;
  reference.kept_cells =
      (torch::avg_pool2d(middle, vae_->config().factor()) > 0.999).to(torch::kFloat).flatten(2);
  reference.source_latents =
      reference.answers.latents[0].slice(0, 1, 2).view({1, vae_->config().latent_channels, -1});
  return reference;
}

/// Where what should stay is found best again: it may lie aside too.
std::int64_t TruthScorer::score_kept_colours(const Reference& reference, const Moved& moved,
                                             EditScores& scores) const {
  const auto middle = kShifts * kShifts / 2;
  const auto source = centre(reference.source, middle), kept = centre(reference.kept, middle);
  const auto [least, at] = ((moved.pictures - source).square() * kept).mean({1, 2, 3}).min(0);
  const double error = least.item<double>() / kept.mean().item<double>();
  scores["kept_psnr"] = error > 0 ? -10 * std::log10(error / 4) : std::numeric_limits<double>::infinity();
  return at.item<std::int64_t>();
}

void TruthScorer::score_kept_latents(const Reference& reference, const torch::Tensor& latents,
                                     EditScores& scores) const {
  const auto& source = reference.source_latents;
  const double values = reference.kept_cells.sum().item<double>() * static_cast<double>(source.size(1));
  if (values == 0) return;
  const auto difference = latents.view(source.sizes()) - source;
  scores["kept_distance"] =
      std::sqrt((difference.square() * reference.kept_cells).sum().item<double>() / values);
}

EditScores TruthScorer::score(const Reference& reference, const Image& edited) {
  torch::NoGradGuard no_grad;
  const auto picture = read(edited, reference.width, reference.height);
  EditScores scores;
  const auto moved = move(picture);
  const auto answers = nearest(moved, reference.answers);
  const bool asks_identity = reference.identities.colours.defined();
  const bool asks_style = reference.styles.colours.defined();
  const auto identities = asks_identity ? nearest(moved, reference.identities) : Nearest{};
  const auto styles = asks_style ? nearest(moved, reference.styles) : Nearest{};
  auto shifts = answers.shifts;
  shifts.insert(shifts.end(), identities.shifts.begin(), identities.shifts.end());
  shifts.insert(shifts.end(), styles.shifts.begin(), styles.shifts.end());
  if (reference.asks_kept) shifts.push_back(score_kept_colours(reference, moved, scores));
  const Encoded encoded(*this, moved, shifts);
  const auto distance =
      (encoded.distances(answers, reference.answers) / reference.unit).mean(1).to(torch::kCPU);
  scores["truth_distance"] = distance[0].item<double>();
  const auto is_truth = [&](const Nearest& found, const Descriptor& others) {
    return (encoded.distances(found, others) / reference.unit).mean(1).argmin().item<std::int64_t>() == 0;
  };
  bool right = distance[0].item<float>() < distance.slice(0, 1).min().item<float>();
  if (asks_style) {
    const auto off = (background_of(picture) - reference.background).abs().max().item<double>();
    scores["background"] = off <= kMostBackgroundLevels * kLevel;
    scores["style"] = is_truth(styles, reference.styles);
    right = right && scores["background"] == 1 && scores["style"] == 1;
  }

  if (reference.asks_kept) score_kept_latents(reference, encoded.at(0, {shifts.back()}), scores);
  if (asks_identity) scores["identity"] = is_truth(identities, reference.identities);
  const auto asked = [&](const char* key, auto is_kept) {
    const auto found = scores.find(key);
    return found == scores.end() || is_kept(found->second);
  };
  const bool kept = asked("kept_psnr", [](double value) { return value >= kLeastKeptPsnr; }) &&
                    asked("kept_distance", [](double value) { return value <= kMostKeptDistance; }) &&
                    asked("identity", [](double value) { return value == 1; });
  scores["right"] = right;
  scores["kept"] = kept;
  scores["right_and_kept"] = right && kept;

  const auto& before = reference.source_silhouette;
  const auto after = silhouette(picture);
  const double common = (before * after).sum().item<double>();
  const double both = torch::max(before, after).sum().item<double>();
  scores["structure"] = both > 0 ? common / both : 1;
  scores["appearance"] =
      torch::min(reference.source_colours, colour_histogram(picture, after)).sum().item<double>();
  return scores;
}

}  // namespace forgedit
