#include "forgedit/models/blip_generate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

using Tokens = std::vector<std::int64_t>;

constexpr std::int64_t kMaxBeams = 64;

struct Sequence {
  Tokens tokens;
  double score;  ///< log-probability; of a finished sequence, that divided by length^penalty
};

bool better(const Sequence& left, const Sequence& right) {
  return left.score > right.score;
}

/// Log-probabilities (sequences, vocab) of the token after `last`, which has one token per sequence.
torch::Tensor next_log_probabilities(BlipForConditionalGeneration& model, const torch::Tensor& image_embeds,
                                     const Tokens& last, BlipTextCache& cache) {
  const auto ids = torch::tensor(last, torch::kLong).unsqueeze(1).to(image_embeds.device());
  const auto scores = model->decode(ids, image_embeds, &cache).select(1, -1).log_softmax(-1);
  if (!torch::isfinite(scores).all().item<bool>()) {
    throw failure("BLIP gives values that are not finite: weights with NaN or infinite values?");
  }
  return scores;
}

Tokens greedy(BlipForConditionalGeneration& model, const torch::Tensor& image_embeds,
              std::int64_t max_length) {
  const auto& config = model->config().text;
  Tokens tokens{config.bos_token_id};
  BlipTextCache cache;
  while (static_cast<std::int64_t>(tokens.size()) < max_length) {
    const auto scores = next_log_probabilities(model, image_embeds, {tokens.back()}, cache);
    tokens.push_back(scores.argmax(-1).item<std::int64_t>());
    if (tokens.back() == config.sep_token_id) break;
  }
  return tokens;
}

/// Beam search for one picture, as in transformers (_beam_search of generation/utils.py, version 5).
class BeamSearch {
 public:
  BeamSearch(BlipForConditionalGeneration& model, const torch::Tensor& image_embeds,
             const CaptionSearch& search)
      : model_(model),
        image_embeds_(image_embeds),
        search_(search),
        width_(static_cast<std::size_t>(search.num_beams)),
        running_{{{model->config().text.bos_token_id}, 0.0}} {}

  Tokens run() {
    for (std::int64_t length = 2; length <= search_.max_length; ++length) {
      step(length);
      if (running_.empty() || !can_improve()) break;
    }
    return finished_.empty() ? running_.front().tokens : finished_.front().tokens;
  }

 private:
  /// Extends every running sequence by one token, to `length` tokens.
  void step(std::int64_t length) {
    Tokens last;
    std::vector<float> sums;
    for (const auto& sequence : running_) {
      last.push_back(sequence.tokens.back());
      sums.push_back(static_cast<float>(sequence.score));
    }
    const auto scores = next_log_probabilities(model_, image_embeds_, last, cache_).to(torch::kCPU) +
                        torch::tensor(sums).unsqueeze(1);
    // Twice as many as needed: even if the best half ends here, `width_` sequences continue.
    const auto vocabulary = scores.size(1);
    const auto [best, places] =
        scores.flatten().topk(std::min<std::int64_t>(2 * search_.num_beams, scores.numel()));

    std::vector<Sequence> next;
    Tokens rows;
    for (std::int64_t i = 0; i < best.size(0); ++i) {
      const auto place = places[i].item<std::int64_t>();
      const double score = best[i].item<float>();
      auto tokens = running_[static_cast<std::size_t>(place / vocabulary)].tokens;
      tokens.push_back(place % vocabulary);
      const bool ends = tokens.back() == model_->config().text.sep_token_id || length == search_.max_length;
      if (!ends && next.size() < width_) {
        next.push_back({std::move(tokens), score});
        rows.push_back(place / vocabulary);
      } else if (ends && i < search_.num_beams) {
        finish({std::move(tokens), score / length_factor(length)});
      }
    }
    running_ = std::move(next);
    if (!rows.empty()) cache_.select(torch::tensor(rows, torch::kLong).to(image_embeds_.device()));
  }

  void finish(Sequence sequence) {
    finished_.push_back(std::move(sequence));
    std::stable_sort(finished_.begin(), finished_.end(), better);
    if (finished_.size() > width_) finished_.pop_back();
  }

  /// Whether the best running sequence, at its present score, still beats the worst finished one.
  bool can_improve() {
    if (finished_.size() < width_) return true;
    if (search_.early_stopping) return false;
    const auto length = static_cast<std::int64_t>(running_.front().tokens.size());
    return running_.front().score / length_factor(length) > finished_.back().score;
  }

  /// The begin token is not counted.
  double length_factor(std::int64_t length) const {
    return std::pow(static_cast<double>(length - 1), search_.length_penalty);
  }

  BlipForConditionalGeneration& model_;
  const torch::Tensor& image_embeds_;
  CaptionSearch search_;
  std::size_t width_;
  BlipTextCache cache_;
  std::vector<Sequence> running_;   // best first
  std::vector<Sequence> finished_;  // best first, at most width_
};

}  // namespace

Tokens generate_caption(BlipForConditionalGeneration& model, const torch::Tensor& image_embeds,
                        const CaptionSearch& search) {
  const auto positions = model->config().text.max_position_embeddings;
  // The last token is never an input.
  if (search.max_length < 2 || search.max_length > positions + 1) {
    throw usage_error("caption: expected a length from 2 to " + std::to_string(positions + 1) +
                      " tokens, got " + std::to_string(search.max_length));
  }
  if (search.num_beams < 1 || search.num_beams > kMaxBeams) {
    throw usage_error("caption: expected 1 to " + std::to_string(kMaxBeams) + " beams, got " +
                      std::to_string(search.num_beams));
  }
  torch::NoGradGuard no_grad;
  if (search.num_beams == 1) return greedy(model, image_embeds, search.max_length);
  return BeamSearch(model, image_embeds, search).run();
}

}  // namespace forgedit
