#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "forgedit/eval/truth_scorer.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

/// Changes an image (1, 3, h, w) in [-1, 1].
using Change = std::function<torch::Tensor(const torch::Tensor&)>;

Image changed(const Image& picture, const Change& change) {
  return tensor_to_image(((change(image_to_tensor(picture))[0] + 1) / 2).clamp(0, 1));
}

/// Shifts the whole image. The border is repeated into the empty part.
Change moved(std::int64_t x, std::int64_t y) {
  return [=](const torch::Tensor& picture) {
    constexpr std::int64_t kMost = 8;
    const auto padded = torch::replication_pad2d(picture, {kMost, kMost, kMost, kMost});
    return padded.narrow(2, kMost - y, picture.size(2)).narrow(3, kMost - x, picture.size(3));
  };
}

Change blurred(double sigma) {
  return [=](const torch::Tensor& picture) {
    const auto reach = static_cast<std::int64_t>(3 * sigma + 0.5);
    auto weights = (-0.5 * (torch::arange(-reach, reach + 1, torch::kFloat) / sigma).square()).exp();
    weights = weights / weights.sum();
    const auto padded = torch::replication_pad2d(picture, {reach, reach, reach, reach}).transpose(0, 1);
    return torch::conv2d(torch::conv2d(padded, weights.view({1, 1, 1, -1})), weights.view({1, 1, -1, 1}))
        .transpose(0, 1);
  };
}

Change noisy(double levels) {
  return [=](const torch::Tensor& picture) {
    auto generator = at::detail::createCPUGenerator(0);
    return picture + torch::randn(picture.sizes(), generator) * (levels / 127.5);
  };
}

Change shaded(double levels) {
  return [=](const torch::Tensor& picture) { return picture + levels / 127.5; };
}

struct Row {
  std::size_t pictures = 0, right = 0, kept = 0;
  double least_psnr = INFINITY, most_distance = 0, most_truth_distance = 0, least_truth_distance = INFINITY;

  void add(const EditScores& scores) {
    ++pictures;
    right += scores.at("right") == 1;
    kept += scores.at("kept") == 1;
    if (scores.count("kept_psnr")) least_psnr = std::min(least_psnr, scores.at("kept_psnr"));
    if (scores.count("kept_distance")) most_distance = std::max(most_distance, scores.at("kept_distance"));
    most_truth_distance = std::max(most_truth_distance, scores.at("truth_distance"));
    least_truth_distance = std::min(least_truth_distance, scores.at("truth_distance"));
  }
};

}  // namespace

std::string check_truth_scorer(TruthScorer& scorer, AutoencoderKL& vae, const Benchmark& benchmark,
                               const ProgressCallback& progress) {
  torch::NoGradGuard no_grad;
  const auto device = vae->parameters().front().device();
  const std::vector<std::pair<std::string, Change>> changes{
      {"truth", [](const torch::Tensor& picture) { return picture; }},
      {"truth, moved by 2 pixels", moved(2, 0)},
      {"truth, moved by 3 pixels", moved(0, -3)},
      {"truth, moved by 4 pixels both ways", moved(-4, 4)},
      {"truth, blurred by 1.5 pixels", blurred(1.5)},
      {"truth, noise of 12 levels", noisy(12)},
      {"truth, 10 levels lighter", shaded(10)},
      {"truth, moved by 2, blurred by 1, noise of 8",
       [](const torch::Tensor& picture) { return noisy(8)(blurred(1)(moved(-2, 2)(picture))); }},
      {"truth, through the VAE", [&](const torch::Tensor& picture) {
         return vae->decode(vae->encode(picture.to(device)).mean).to(torch::kCPU, torch::kFloat);
       }}};
  std::vector<Row> rows(changes.size());
  Row sources, distractors, identities, styles;
  std::int64_t done = 0;
  for (const auto& edit : benchmark.edits) {
    const auto reference = scorer.prepare(edit);
    const auto truth = read_image(edit.answer->truth);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      rows[i].add(scorer.score(reference, changed(truth, changes[i].second)));
    }
    sources.add(scorer.score(reference, read_image(edit.picture)));
    for (const auto& file : edit.answer->distractors)
      distractors.add(scorer.score(reference, read_image(file)));
    for (const auto& file : edit.answer->identities)
      identities.add(scorer.score(reference, read_image(file)));
    for (const auto& file : edit.answer->styles) {
      const auto other = read_image(file);
      // Unchanged, and with the last two of the truth's changes
      for (const std::size_t i : {std::size_t{0}, changes.size() - 2, changes.size() - 1}) {
        styles.add(scorer.score(reference, changed(other, changes[i].second)));
      }
    }
    if (progress) {
      progress({"checking", ++done, static_cast<std::int64_t>(benchmark.edits.size()), 0.0});
    }
  }
  auto table = fmt::format("{:44}  {:>8}  {:>6}  {:>6}  {:>9}  {:>9}  {:>13}\n", "picture", "pictures",
                           "right", "kept", "PSNR from", "dist. to", "to truth");
  const auto print = [&](const std::string& name, const Row& row) {
    if (row.pictures == 0) return;
    table += fmt::format("{:44}  {:8}  {:6}  {:6}  {:>9.1f}  {:9.3f}  {:6.3f}-{:.3f}\n", name, row.pictures,
                         row.right, row.kept, row.least_psnr, row.most_distance, row.least_truth_distance,
                         row.most_truth_distance);
  };
  for (std::size_t i = 0; i < changes.size(); ++i) print(changes[i].first, rows[i]);
  print("source", sources);
  print("distractors", distractors);
  print("truth of another identity", identities);
  print("truth in another style, also worn or encoded", styles);
  return table;
}

}  // namespace forgedit
