#include "forgedit/pipelines/sampling/edit_session.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/editing/interpolation.h"
#include "forgedit/editing/learned_weights.h"
#include "forgedit/pipelines/model/parameters_on_device.h"
#include "forgedit/pipelines/model/picture.h"
#include "forgedit/pipelines/sampling/preview.h"
#include "forgedit/pipelines/sampling/relevance.h"

namespace forgedit {
namespace {

using Group = std::vector<const Candidate*>;
constexpr int kFeather = 4;  // pixels: half a cell of latents

/// Returns groups of candidates with the same weights and sampler, in the order of their first members.
std::vector<Group> group_by_weights(const std::vector<Candidate>& plan) {
  std::vector<Group> groups;
  for (const auto& candidate : plan) {
    if (candidate.together > 0) continue;
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

/// Returns the batches of a plan with a missing image, in the order of the plan's groups; batches requested
/// by Candidate::together come first. `full`: see DrawOptions::full_batches.
std::vector<Group> batches_to_generate(const std::vector<Candidate>& plan, std::size_t max_batch, bool full,
                                       const CandidateFilter& missing) {
  std::vector<Group> batches;
  for (const auto& candidate : plan) {
    if (candidate.together == 0 || (missing && !missing(candidate))) continue;
    batches.emplace_back(std::min(static_cast<std::size_t>(candidate.together), max_batch), &candidate);
  }
  for (const auto& group : group_by_weights(plan)) {
    for (std::size_t first = 0; first < group.size(); first += max_batch) {
      Group batch(group.begin() + static_cast<std::ptrdiff_t>(first),
                  group.begin() + static_cast<std::ptrdiff_t>(std::min(first + max_batch, group.size())));
      const auto is_missing = [&](const Candidate* candidate) { return !missing || missing(*candidate); };
      if (std::none_of(batch.begin(), batch.end(), is_missing)) continue;
      if (full && batch.size() > 1) batch.resize(max_batch, batch.back());
      batches.push_back(std::move(batch));
    }
  }
  return batches;
}

/// Embeddings of texts by the text encoder with its current weights.
class TextEmbeddings {
 public:
  const TextEmbedding& of(const std::string& text) const { return embeddings_.at(text); }
  bool has(const std::string& text) const { return embeddings_.count(text) > 0; }
  void encode(StableDiffusion& model, const std::string& text) {
    if (has(text)) return;
    embeddings_.emplace(text, text.empty() ? model.encode_unconditional() : model.encode_text(text));
  }

 private:
  std::map<std::string, TextEmbedding> embeddings_;
};

/// Embeddings of all texts, each encoded once: by the tuned text encoder if there is one, and for unlearned
/// images by the original one. Forgetting never changes the text encoder.
class SessionEmbeddings {
 public:
  SessionEmbeddings(const StableDiffusion& model, const LearnResult& learned)
      : widths_(model.text_widths()), learned_(learned.embedding), tuned_encoder_(learned.text_encoder) {}

  /// Encodes all texts of a plan that are not encoded yet.
  void prepare(StableDiffusion& model, const std::vector<Group>& plan) {
    const auto original = missing_texts(plan, original_, /*tuned=*/false);
    const auto tuned = missing_texts(plan, tuned_, /*tuned=*/true);
    if (original.empty() && tuned.empty()) return;
    // Moved once for all texts.
    const ParametersOnDevice moved(*model.text_encoder, model.text_device());
    for (const auto& text : original) original_.encode(model, text);
    if (tuned.empty()) return;
    LearnedWeights weights(parameters_of(*model.text_encoder), tuned_encoder_);
    weights.learn();
    for (const auto& text : tuned) tuned_.encode(model, text);
  }

  const TextEmbedding& unconditional(const Candidate& candidate) const {
    return texts(candidate).of(candidate.sample.negative);
  }

  /// The learned embedding of the picture.
  const TextEmbedding& learned() const { return learned_; }
  /// The embedding of a candidate's target, not interpolated.
  const TextEmbedding& target(const Candidate& candidate) const {
    return texts(candidate).of(candidate.target);
  }

  TextEmbedding of(const Candidate& candidate) const {
    if (candidate.kind == Candidate::Kind::reconstruction) return learned_;
    const auto& target = this->target(candidate);
    if (candidate.kind == Candidate::Kind::unlearned) return target;
    return candidate.interpolation == Interpolation::vector_subtraction
               ? vector_subtraction(learned_, target, candidate.strength)
               : vector_projection(learned_, target, widths_, candidate.alpha, candidate.strength);
  }

 private:
  bool is_tuned(const Candidate& candidate) const {
    return !tuned_encoder_.empty() && candidate.kind != Candidate::Kind::unlearned;
  }
  const TextEmbeddings& texts(const Candidate& candidate) const {
    return is_tuned(candidate) ? tuned_ : original_;
  }
  /// The reconstruction has no target: it gives the empty prompt, which guidance usually needs in any case.
  std::set<std::string> missing_texts(const std::vector<Group>& plan, const TextEmbeddings& known,
                                      bool tuned) const {
    std::set<std::string> texts;
    for (const auto& batch : plan) {
      for (const auto* candidate : batch) {
        if (is_tuned(*candidate) != tuned) continue;
        for (const auto& text : {candidate->sample.negative, candidate->target}) {
          if (!known.has(text)) texts.insert(text);
        }
      }
    }
    return texts;
  }

  std::vector<std::int64_t> widths_;
  TextEmbedding learned_;
  StateDict tuned_encoder_;
  TextEmbeddings original_, tuned_;
};

/// Counts the sampling steps of all images, one for decoding each, and those of relevance maps.
class SamplingProgress {
 public:
  SamplingProgress(const std::vector<Group>& batches, std::size_t maps, const ProgressCallback& callback)
      : total_(static_cast<std::int64_t>(maps) * kRelevancePairs), callback_(callback) {
    for (const auto& batch : batches) {
      for (const auto* candidate : batch) total_ += candidate->sample.steps_taken() + 1;
    }
  }
  void advance(std::int64_t steps) {
    done_ += steps;
    if (callback_) callback_({kSamplingStage, done_, total_, 0.0});
  }

 private:
  std::int64_t done_ = 0, total_;
  const ProgressCallback& callback_;
};

std::int64_t batch_size(const DrawOptions& options, const StableDiffusion& model) {
  const auto batch = images_per_batch(options, model.policy);
  if (batch < 1) throw usage_error("draw_batch", "expected at least 1 image per batch");
  return model.memory.draw_batch > 0 ? std::min(batch, model.memory.draw_batch) : batch;
}

/// Weights are changed in place if the sampler records its step, or if there is no room for both sets.
LearnedWeights learned_weights(StableDiffusion& model, const LearnResult& learned) {
  const bool offload = model.memory.offload;
  return {parameters_of(*model.unet), learned.unet, model.policy.reduced() || offload,
          offload ? std::optional<c10::Device>(c10::DeviceType::CPU) : std::nullopt};
}

}  // namespace

std::int64_t images_per_batch(const DrawOptions& options, const ComputePolicy& policy) {
  if (options.batch) return *options.batch;
  if (options.full_batches) return 3;  // a strategy's strengths in the first round, and the best three
  return policy.device.is_cuda() ? 8 : 4;
}

std::vector<std::int64_t> first_batch_sizes(const std::vector<Candidate>& plan, const DrawOptions& options,
                                            const ComputePolicy& policy) {
  const auto most = images_per_batch(options, policy);
  const auto batches =
      batches_to_generate(plan, static_cast<std::size_t>(std::max<std::int64_t>(1, most)), false, {});
  std::vector<std::int64_t> sizes;
  if (!batches.empty()) sizes.push_back(static_cast<std::int64_t>(batches.front().size()));
  if (options.full_batches) sizes.push_back(most);
  return sizes;
}

class EditSession::State {
 public:
  State(StableDiffusion& model, const LearnResult& learned, Image grid, const Mask* mask)
      : model_(model),
        grid_(std::move(grid)),
        embeddings_(model, learned),
        weights_(learned_weights(model, learned)) {
    if (!mask) return;
    if (mask->width != grid_.width || mask->height != grid_.height)
      throw usage_error("mask", "expected the picture's size, " + std::to_string(grid_.width) + "x" +
                                    std::to_string(grid_.height) + ", got " + std::to_string(mask->width) +
                                    "x" + std::to_string(mask->height));
    const auto factor = model.vae->config().factor();
    // A cell of latents may change if any of its pixels may.
    const auto pixels = image_to_tensor(to_image(*mask)).narrow(1, 0, 1) > -1;
    change_ = torch::max_pool2d(pixels.to(torch::kFloat), {factor, factor}).to(model.policy.device);
  }

  void generate(const std::vector<Candidate>& plan, const DrawOptions& options,
                const EditCallbacks& callbacks, const CandidateFilter& missing) {
    const auto batches = batches_to_generate(plan, static_cast<std::size_t>(batch_size(options, model_)),
                                             options.full_batches, missing);
    embeddings_.prepare(model_, batches);
    if (callbacks.preview && !previews_.is_fitted()) fit_previews();
    const auto protected_edits = first_protected(batches);
    std::size_t maps = 0;
    for (const auto* edit : protected_edits) maps += areas_.count(edit->target) == 0 ? 1 : 0;
    SamplingProgress progress(batches, maps, callbacks.progress);
    const ThreadsOfPlan threads{*this};
    for (const auto* edit : protected_edits) find_area(*edit, callbacks, progress);
    for (const auto& batch : batches) {
      use_weights(batch.front()->strategy, options.blend);
      const auto latents = sample(batch, callbacks, progress);
      decode(batch, latents, callbacks, missing, progress);
    }
  }

  void use_original_weights() { use_weights(nullptr, 0); }

 private:
  /// The area that edits towards a target may change.
  struct Area {
    torch::Tensor cells;  ///< (1, 1, h, w), on the device
    Mask mask, soft;      ///< of the grid's size; `soft` with a ramp inside
  };

  /// Returns the first edit of each target with SampleOptions::protect.
  static std::vector<const Candidate*> first_protected(const std::vector<Group>& batches) {
    std::vector<const Candidate*> found;
    for (const auto& batch : batches) {
      for (const auto* candidate : batch) {
        const auto is_same = [&](const Candidate* other) { return other->target == candidate->target; };
        if (candidate->sample.protect && std::none_of(found.begin(), found.end(), is_same))
          found.push_back(candidate);
      }
    }
    return found;
  }

  /// Finds the area with all learned weights, without forgetting.
  void find_area(const Candidate& edit, const EditCallbacks& callbacks, SamplingProgress& progress) {
    if (areas_.count(edit.target) == 0) {
      applied_.reset();
      weights_.learn();
      const auto map = relevance_map(model_, original_latents(), embeddings_.learned(),
                                     embeddings_.target(edit), [&] { progress.advance(1); });
      Area area{relevant_cells(map), {}, {}};
      area.mask = mask_of_cells(area.cells, model_.vae->config().factor());
      area.soft = feathered(area.mask, kFeather);
      area.cells = area.cells.to(model_.policy.device);
      areas_.emplace(edit.target, std::move(area));
    }
    if (callbacks.area) callbacks.area(edit.target, areas_.at(edit.target).mask);
  }

  /// On a CPU, a sampler's threads (BatchParts) leave only one thread to other work, such as scoring, so they
  /// end with the plan. On a GPU the recorded step is kept.
  struct ThreadsOfPlan {
    State& state;
    ~ThreadsOfPlan() {
      if (!state.model_.policy.device.is_cuda()) state.sampler_.reset();
    }
  };

  /// Puts weights into the network. Null: the model's own.
  void use_weights(const ForgettingStrategy* strategy, double blend) {
    const Applied wanted{strategy, strategy ? blend : 0};
    if (applied_ == wanted) return;
    applied_.reset();  // unknown if the following fails
    if (strategy) {
      weights_.apply(*strategy, blend);
    } else {
      weights_.unlearn();
    }
    applied_ = wanted;
  }

  torch::Tensor sample(const Group& batch, const EditCallbacks& callbacks, SamplingProgress& progress) {
    const auto& like_all = *batch.front();
    if (!sampler_ || sample_options_ != like_all.sample) {
      sampler_.reset();  // frees the memory of its recorded step first
      sampler_.emplace(model_, like_all.sample);
      sample_options_ = like_all.sample;
    }
    const auto channels = model_.unet->config().in_channels;
    const auto factor = model_.vae->config().factor();
    std::vector<torch::Tensor> latents;
    std::vector<TextEmbedding> targets;
    for (const auto* candidate : batch) {
      latents.push_back(
          initial_latents(candidate->seed, channels, grid_.height / factor, grid_.width / factor));
      targets.push_back(embeddings_.of(*candidate));
    }
    const bool keeps = change_.defined() || like_all.sample.protect;
    if (keeps) kept_ = kept_area(batch);
    const auto on_step = [&](std::int64_t step, const torch::Tensor& denoised) {
      if (callbacks.preview) offer_previews(batch, step, denoised, callbacks.preview);
      progress.advance(static_cast<std::int64_t>(batch.size()));
    };
    return sampler_->draw(begin(torch::cat(latents), like_all), join(targets),
                          embeddings_.unconditional(like_all), on_step, keeps ? &kept_ : nullptr);
  }

  /// Returns the latents that sampling starts from, for the noise of a batch.
  torch::Tensor begin(const torch::Tensor& noise, const Candidate& like_all) {
    return like_all.sample.start < 1 ? sampler_->noised(original_latents(), noise) : noise;
  }

  KeptArea kept_area(const Group& batch) {
    const auto all = torch::ones(
        {1, 1, grid_.height / model_.vae->config().factor(), grid_.width / model_.vae->config().factor()},
        torch::device(model_.policy.device));
    std::vector<torch::Tensor> change;
    for (const auto* candidate : batch) {
      if (candidate->sample.protect) {
        change.push_back(areas_.at(candidate->target).cells);
      } else {
        const bool is_masked = change_.defined() && candidate->kind == Candidate::Kind::edit;
        change.push_back(is_masked ? change_ : all);
      }
    }
    return {original_latents(), torch::cat(change)};
  }

  /// Decodes images one by one, because at high resolution the decoder takes more memory than the UNet.
  void decode(const Group& batch, const torch::Tensor& latents, const EditCallbacks& callbacks,
              const CandidateFilter& missing, SamplingProgress& progress) {
    const ParametersOnDevice moved(*model_.vae, model_.policy.device);
    const auto size = static_cast<std::int64_t>(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      auto candidate = *batch[i];
      const auto place = static_cast<std::int64_t>(i);
      const bool is_copy = candidate.together > 0 ? place != std::min(candidate.place, size - 1)
                                                  : i > 0 && batch[i] == batch[i - 1];
      if (!is_copy && (!missing || missing(candidate))) {
        candidate.together = size;
        candidate.place = place;
        const auto own = latents.narrow(0, place, 1);
        const auto picture = model_.decode_latents(own);
        if (callbacks.preview) previews_.add(own.to(torch::kCPU), picture.to(torch::kCPU));
        auto image = tensor_to_image(picture[0]);
        if (candidate.sample.protect) image = composite(image, grid_, areas_.at(candidate.target).soft);
        callbacks.picture(candidate, image);
      }
      progress.advance(1);
    }
  }

  /// Returns the latents of the learned picture: a sample of its posterior, which is as good as the mean.
  const torch::Tensor& original_latents() {
    if (original_.defined()) return original_;
    auto generator = at::detail::createCPUGenerator(0);
    original_ = model_.encode_image(image_to_tensor(grid_), generator);
    return original_;
  }

  /// Fits previews to the learned picture, until images are decoded.
  void fit_previews() {
    previews_.add(original_latents().to(torch::kCPU), image_to_tensor(grid_) * 0.5 + 0.5);
  }

  void offer_previews(const Group& batch, std::int64_t step, const torch::Tensor& denoised,
                      const PreviewCallback& preview) const {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      preview(*batch[i], step, [&] {
        return previews_.render(denoised.narrow(0, static_cast<std::int64_t>(i), 1).to(torch::kCPU));
      });
    }
  }

  struct Applied {
    const ForgettingStrategy* strategy;
    double blend;
    bool operator==(const Applied&) const = default;
  };

  StableDiffusion& model_;
  Image grid_;
  SessionEmbeddings embeddings_;
  LearnedWeights weights_;
  std::optional<Applied> applied_ = Applied{nullptr, 0};  // weights in the network; nothing: unknown
  SampleOptions sample_options_;
  std::optional<Sampler> sampler_;
  torch::Tensor change_;               // (1, 1, h, w) of the mask; undefined without one
  torch::Tensor original_;             // see original_latents
  std::map<std::string, Area> areas_;  // by target
  KeptArea kept_;
  PreviewMap previews_;
};

EditSession::EditSession(StableDiffusion& model, const LearnResult& learned, Image grid, const Mask* mask)
    : state_(std::make_unique<State>(model, learned, std::move(grid), mask)) {}

EditSession::~EditSession() = default;

void EditSession::generate(const std::vector<Candidate>& plan, const DrawOptions& options,
                           const EditCallbacks& callbacks, const CandidateFilter& missing) {
  state_->generate(plan, options, callbacks, missing);
}

void EditSession::use_original_weights() {
  state_->use_original_weights();
}

}  // namespace forgedit
