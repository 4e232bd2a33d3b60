#include "forgedit/pipelines/edit.h"

#include <algorithm>
#include <map>

#include "forgedit/core/error.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/pipelines/picture.h"

namespace forgedit {
namespace {

using Group = std::vector<const Candidate*>;

/// Candidates that draw with the same weights, groups in the order of their first member.
std::vector<Group> group_by_weights(const std::vector<Candidate>& plan) {
  std::vector<Group> groups;
  for (const auto& candidate : plan) {
    const auto same_weights = [&](const Group& group) {
      const bool unlearned = candidate.kind == Candidate::Kind::unlearned;
      return (group.front()->kind == Candidate::Kind::unlearned) == unlearned &&
             group.front()->strategy == candidate.strategy;
    };
    auto group = std::find_if(groups.begin(), groups.end(), same_weights);
    if (group == groups.end()) group = groups.emplace(groups.end());
    group->push_back(&candidate);
  }
  return groups;
}

/// Learned weights that are gone from the network at the end, whatever happens.
class BorrowedWeights {
 public:
  BorrowedWeights(UNet& unet, const StateDict& learned) : weights_(parameters_of(*unet), learned) {}
  ~BorrowedWeights() { weights_.unlearn(); }
  BorrowedWeights(const BorrowedWeights&) = delete;
  BorrowedWeights& operator=(const BorrowedWeights&) = delete;

  void apply_for(const Candidate& candidate, double blend) {
    if (candidate.kind == Candidate::Kind::unlearned) {
      weights_.unlearn();
    } else {
      weights_.apply(find_forgetting_strategy(candidate.strategy), blend);
    }
  }

 private:
  LearnedWeights weights_;
};

/// Every text of a plan, encoded once.
class PlanEmbeddings {
 public:
  PlanEmbeddings(StableDiffusion& model, torch::Tensor learned, const std::vector<Candidate>& plan)
      : learned_(std::move(learned)), unconditional_(model.encode_text("")) {
    for (const auto& candidate : plan) {
      if (candidate.kind == Candidate::Kind::reconstruction || targets_.count(candidate.target)) continue;
      targets_.emplace(candidate.target, model.encode_text(candidate.target));
    }
  }

  const torch::Tensor& unconditional() const { return unconditional_; }

  torch::Tensor of(const Candidate& candidate) const {
    if (candidate.kind == Candidate::Kind::reconstruction) return learned_;
    const auto& target = targets_.at(candidate.target);
    if (candidate.kind == Candidate::Kind::unlearned) return target;
    return candidate.interpolation == Interpolation::vector_subtraction
               ? vector_subtraction(learned_, target, candidate.strength)
               : vector_projection(learned_, target, candidate.alpha, candidate.strength);
  }

 private:
  torch::Tensor learned_, unconditional_;
  std::map<std::string, torch::Tensor> targets_;
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

std::int64_t batch_size(const DrawOptions& options, const c10::Device& device) {
  const auto batch = options.batch.value_or(device.is_cuda() ? 8 : 4);
  if (batch < 1) throw usage_error("drawing: expected at least 1 picture at once");
  return batch;
}

}  // namespace

EncodedPicture encode_picture(StableDiffusion& model, const Image& grid, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  auto latents = model.encode_image(image_to_tensor(grid), generator);
  return {latents, generator};
}

LearnResult learn_picture(StableDiffusion& model, const EncodedPicture& picture, const std::string& source,
                          const LearnOptions& options, const ProgressCallback& progress) {
  const auto train_steps = NoiseSchedule().num_train_timesteps();
  const auto batches = random_learn_batches(options, picture.latents, picture.generator, train_steps);
  return learn(model, picture.latents, model.encode_text(source), options, batches, progress);
}

void draw_candidates(StableDiffusion& model, const LearnResult& learned, const std::vector<Candidate>& plan,
                     const DrawOptions& options, int grid_width, int grid_height,
                     const PictureCallback& on_picture, const ProgressCallback& progress) {
  const auto channels = model.unet->config().in_channels;
  const auto factor = model.vae->config().factor();
  const auto max_batch = static_cast<std::size_t>(batch_size(options, model.policy.device));
  const PlanEmbeddings embeddings(model, learned.embedding, plan);
  DrawProgress draw_progress(static_cast<std::int64_t>(plan.size()) * (options.sample.steps + 1), progress);
  BorrowedWeights weights(model.unet, learned.unet);

  for (const auto& group : group_by_weights(plan)) {
    weights.apply_for(*group.front(), options.blend);
    for (std::size_t first = 0; first < group.size(); first += max_batch) {
      const Group batch(
          group.begin() + static_cast<std::ptrdiff_t>(first),
          group.begin() + static_cast<std::ptrdiff_t>(std::min(first + max_batch, group.size())));
      // 1. Latents and embeddings of the batch
      std::vector<torch::Tensor> latents, targets;
      for (const auto* candidate : batch) {
        latents.push_back(
            initial_latents(candidate->seed, channels, grid_height / factor, grid_width / factor));
        targets.push_back(embeddings.of(*candidate));
      }
      // 2. DDIM
      const auto count = static_cast<std::int64_t>(batch.size());
      const auto drawn = sample(model, torch::cat(latents), torch::cat(targets), embeddings.unconditional(),
                                options.sample, [&](std::int64_t) { draw_progress.advance(count); });
      // 3. Decoded one by one: at high resolution the decoder takes more memory than the UNet
      for (std::int64_t i = 0; i < count; ++i) {
        const auto picture = model.decode_latents(drawn.narrow(0, i, 1));
        on_picture(*batch[static_cast<std::size_t>(i)], tensor_to_image(picture[0]));
        draw_progress.advance(1);
      }
    }
  }
}

}  // namespace forgedit
