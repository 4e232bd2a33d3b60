#include "forgedit/pipelines/sampling/draw_candidates.h"

#include <algorithm>
#include <map>

#include "forgedit/core/error.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/editing/interpolation.h"
#include "forgedit/editing/learned_weights.h"
#include "forgedit/pipelines/model/device_visit.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

using Group = std::vector<const Candidate*>;

/// Candidates that draw with the same weights and sampler, groups in the order of their first member.
std::vector<Group> group_by_weights(const std::vector<Candidate>& plan) {
  std::vector<Group> groups;
  for (const auto& candidate : plan) {
    const auto alike = [&](const Group& group) {
      const auto& first = *group.front();
      return first.strategy == candidate.strategy && first.sample == candidate.sample;
    };
    auto group = std::find_if(groups.begin(), groups.end(), alike);
    if (group == groups.end()) group = groups.emplace(groups.end());
    group->push_back(&candidate);
  }
  return groups;
}

/// The batches of a plan that have a missing picture, in the order of the plan's groups.
std::vector<Group> batches_to_draw(const std::vector<Candidate>& plan, std::size_t max_batch,
                                   const CandidateFilter& missing) {
  std::vector<Group> batches;
  for (const auto& group : group_by_weights(plan)) {
    for (std::size_t first = 0; first < group.size(); first += max_batch) {
      Group batch(group.begin() + static_cast<std::ptrdiff_t>(first),
                  group.begin() + static_cast<std::ptrdiff_t>(std::min(first + max_batch, group.size())));
      const auto is_missing = [&](const Candidate* candidate) { return !missing || missing(*candidate); };
      if (std::any_of(batch.begin(), batch.end(), is_missing)) batches.push_back(std::move(batch));
    }
  }
  return batches;
}

/// Learned weights that are gone from the network at the end, whatever happens.
class BorrowedWeights {
 public:
  BorrowedWeights(const torch::nn::Module& network, const StateDict& learned, bool in_place = false,
                  std::optional<c10::Device> storage = {})
      : weights_(parameters_of(network), learned, in_place, storage) {}
  ~BorrowedWeights() {
    try {
      weights_.unlearn();
    } catch (const std::exception&) {
      // A device that has failed, as for ~LearningCopy.
    }
  }
  BorrowedWeights(const BorrowedWeights&) = delete;
  BorrowedWeights& operator=(const BorrowedWeights&) = delete;

  LearnedWeights* operator->() { return &weights_; }

 private:
  LearnedWeights weights_;
};

/// The texts of a plan under the text encoder as it is.
class TextEmbeddings {
 public:
  const torch::Tensor& of(const std::string& text) const { return embeddings_.at(text); }
  void encode(StableDiffusion& model, const std::string& text) {
    if (!embeddings_.count(text)) embeddings_.emplace(text, model.encode_text(text));
  }

 private:
  std::map<std::string, torch::Tensor> embeddings_;
};

/// Every text of a plan, encoded once: by the tuned text encoder where there is one, and for unlearned
/// pictures by the original one. Forgetting never touches the text encoder.
class PlanEmbeddings {
 public:
  PlanEmbeddings(StableDiffusion& model, const LearnResult& learned, const std::vector<Group>& plan)
      : learned_(learned.embedding), tuned_(!learned.text_encoder.empty()) {
    const DeviceVisit visit(*model.text_encoder, model.policy.device);
    encode(model, plan, original_, [&](const Candidate& candidate) { return !is_tuned(candidate); });
    if (!tuned_) return;
    BorrowedWeights weights(*model.text_encoder, learned.text_encoder);
    weights->learn();
    encode(model, plan, tuned_texts_, [&](const Candidate& candidate) { return is_tuned(candidate); });
  }

  const torch::Tensor& unconditional(const Candidate& candidate) const { return texts(candidate).of(""); }

  torch::Tensor of(const Candidate& candidate) const {
    if (candidate.kind == Candidate::Kind::reconstruction) return learned_;
    const auto& target = texts(candidate).of(candidate.target);
    if (candidate.kind == Candidate::Kind::unlearned) return target;
    return candidate.interpolation == Interpolation::vector_subtraction
               ? vector_subtraction(learned_, target, candidate.strength)
               : vector_projection(learned_, target, candidate.alpha, candidate.strength);
  }

 private:
  bool is_tuned(const Candidate& candidate) const {
    return tuned_ && candidate.kind != Candidate::Kind::unlearned;
  }
  const TextEmbeddings& texts(const Candidate& candidate) const {
    return is_tuned(candidate) ? tuned_texts_ : original_;
  }
  /// The reconstruction has no target: of it comes the empty text, which guidance needs in any case.
  template <typename Filter>
  static void encode(StableDiffusion& model, const std::vector<Group>& plan, TextEmbeddings& texts,
                     Filter filter) {
    for (const auto& batch : plan) {
      for (const auto* candidate : batch) {
        if (!filter(*candidate)) continue;
        texts.encode(model, "");
        texts.encode(model, candidate->target);
      }
    }
  }

  torch::Tensor learned_;
  bool tuned_;
  TextEmbeddings original_, tuned_texts_;
};

/// Steps of all pictures, and one for decoding each.
class DrawProgress {
 public:
  DrawProgress(std::int64_t total, const ProgressCallback& callback) : total_(total), callback_(callback) {}
  void advance(std::int64_t steps) {
    done_ += steps;
    if (callback_) callback_({"drawing", done_, total_, 0.0});
  }

 private:
  std::int64_t done_ = 0, total_;
  const ProgressCallback& callback_;
};

std::int64_t batch_size(const DrawOptions& options, const StableDiffusion& model) {
  const auto batch = drawn_at_once(options, model.policy);
  if (batch < 1) throw usage_error("drawing: expected at least 1 picture at once");
  return model.memory.draw_batch > 0 ? std::min(batch, model.memory.draw_batch) : batch;
}

}  // namespace

std::int64_t drawn_at_once(const DrawOptions& options, const ComputePolicy& policy) {
  return options.batch.value_or(policy.device.is_cuda() ? 8 : 4);
}

void draw_candidates(StableDiffusion& model, const LearnResult& learned, const std::vector<Candidate>& plan,
                     const DrawOptions& options, int grid_width, int grid_height,
                     const PictureCallback& on_picture, const ProgressCallback& progress,
                     const CandidateFilter& missing) {
  const auto channels = model.unet->config().in_channels;
  const auto factor = model.vae->config().factor();
  const auto batches = batches_to_draw(plan, static_cast<std::size_t>(batch_size(options, model)), missing);
  const PlanEmbeddings embeddings(model, learned, batches);
  std::int64_t total = 0;
  for (const auto& batch : batches) {
    for (const auto* candidate : batch) total += candidate->sample.steps + 1;
  }
  DrawProgress draw_progress(total, progress);
  // In place where the sampler records its step, and where there is no room for both sets.
  const bool park = model.memory.park;
  BorrowedWeights weights(*model.unet, learned.unet, model.policy.reduced() || park,
                          park ? std::optional<c10::Device>(c10::DeviceType::CPU) : std::nullopt);
  std::optional<Sampler> sampler;
  const Candidate* before = nullptr;  // of the batch before this one

  for (const auto& batch : batches) {
    const auto& like_all = *batch.front();
    if (!before || before->strategy != like_all.strategy) {
      if (like_all.strategy) {
        weights->apply(*like_all.strategy, options.blend);
      } else {
        weights->unlearn();
      }
    }
    if (!before || before->sample != like_all.sample) sampler.emplace(model, like_all.sample);
    before = &like_all;
    // 1. Latents and embeddings of the batch
    std::vector<torch::Tensor> latents, targets;
    for (const auto* candidate : batch) {
      latents.push_back(
          initial_latents(candidate->seed, channels, grid_height / factor, grid_width / factor));
      targets.push_back(embeddings.of(*candidate));
    }
    // 2. The sampler's steps
    const auto count = static_cast<std::int64_t>(batch.size());
    const auto drawn =
        sampler->draw(torch::cat(latents), torch::cat(targets), embeddings.unconditional(like_all),
                      [&](std::int64_t) { draw_progress.advance(count); });
    const DeviceVisit visit(*model.vae, model.policy.device);
    // 3. Decoded one by one: at high resolution the decoder takes more memory than the UNet
    for (std::int64_t i = 0; i < count; ++i) {
      const auto& candidate = *batch[static_cast<std::size_t>(i)];
      if (!missing || missing(candidate)) {
        const auto picture = model.decode_latents(drawn.narrow(0, i, 1));
        on_picture(candidate, tensor_to_image(picture[0]));
      }
      draw_progress.advance(1);
    }
  }
}

}  // namespace forgedit
