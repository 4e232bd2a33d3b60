#include "forgedit/pipelines/sampling/sample.h"

#include <sstream>
#include <string>

#include "forgedit/core/error.h"
#include "forgedit/device/batch_parts.h"
#include "forgedit/device/replay.h"
#include "forgedit/models/unet_ahead.h"
#include "forgedit/schedulers/samplers.h"

namespace forgedit {
namespace {

constexpr std::int64_t kNumbersAStep = 7;

/// Returns (steps, 7) float32: the fields of SamplerStep, where a recorded step can look up its numbers.
torch::Tensor table_of(const std::vector<SamplerStep>& steps) {
  std::vector<float> numbers;
  for (const auto& s : steps) {
    for (const double number :
         {static_cast<double>(s.timestep), s.input, s.output, s.divisor, s.sample, s.denoised, s.previous}) {
      numbers.push_back(static_cast<float>(number));
    }
  }
  return torch::tensor(numbers).view({-1, kNumbersAStep});
}

/// Whether recorded steps of other sizes can be kept beside one for `latents`, each with its own memory. True
/// if generating would fit twice into the free memory.
bool has_room_for_more(const StableDiffusion& model, const torch::Tensor& latents) {
  if (!model.policy.device.is_cuda() || !model.policy.reduced() || model.memory.budget_gib > 0) return false;
  const auto factor = model.vae->config().factor();
  auto task = model.memory_task(static_cast<int>(latents.size(3) * factor),
                                static_cast<int>(latents.size(2) * factor));
  task.draw_batch = latents.size(0);
  return free_memory(model.policy.device) > 2 * estimate_peak(task, model.memory);
}

}  // namespace

torch::Tensor initial_latents(std::uint64_t seed, std::int64_t channels, std::int64_t height,
                              std::int64_t width) {
  auto generator = at::detail::createCPUGenerator(seed);
  return torch::randn({1, channels, height, width}, generator, torch::kFloat);
}

/// The tensors of one batch size, at fixed addresses, and the step over them.
class Sampler::Loop {
 public:
  Loop(StableDiffusion& model, const SampleOptions& options, const torch::Tensor& table,
       at::IntArrayRef latents, const TextEmbedding& embeddings, bool keeps)
      : model_(model),
        guidance_scale_(options.guidance_scale),
        table_(table.to(model.policy.device)),
        step_(torch::zeros({1}, torch::dtype(torch::kLong).device(model.policy.device))),
        latents_(torch::zeros(latents, table_.options())),
        previous_x0_(torch::zeros_like(latents_)),
        context_(twice(embeddings.tokens)),
        added_(model.added_conditions(twice(embeddings.pooled), latents[2], latents[3])),
        shares_(shares_layers(model, latents[0])),
        parts_(model.policy, shares_ ? latents[0] : context_.size(0)),
        work_(model.policy.device, model.policy.reduced(), kind_of_step(keeps), [this] { advance(); }) {
    if (model.unet->is_fused()) ahead_.emplace(model.unet, table_.select(1, 0).to(torch::kLong));
    if (!keeps) return;
    original_ = torch::zeros_like(latents_.narrow(0, 0, 1));
    change_ = torch::zeros_like(latents_.narrow(1, 0, 1));
  }

  bool fits(at::IntArrayRef latents, bool keeps) const {
    return latents_.sizes() == latents && change_.defined() == keeps;
  }

  void start(const torch::Tensor& latents, const TextEmbedding& embeddings,
             const TextEmbedding& unconditional, const KeptArea* kept) {
    latents_.copy_(latents);
    if (kept) {
      original_.copy_(kept->original);
      change_.copy_(kept->change);
    }
    previous_x0_.zero_();
    step_.zero_();
    fill(context_, unconditional.tokens, embeddings.tokens);
    if (added_.text_embeds.defined()) fill(added_.text_embeds, unconditional.pooled, embeddings.pooled);
    if (ahead_) ahead_->update(context_, added_);
  }
  void step() { work_.run(); }
  torch::Tensor latents() const { return latents_.clone(); }
  /// Returns x0 of the last step, which the next one also needs.
  const torch::Tensor& denoised() const { return previous_x0_; }

 private:
  /// Returns what determines the kernels of a step, for ReplayedWork.
  std::string kind_of_step(bool keeps) const {
    std::int64_t parameters = 0;
    for (const auto& parameter : model_.unet->parameters()) parameters += parameter.numel();
    std::ostringstream kind;
    kind << "sampling " << latents_.sizes() << ' ' << context_.sizes() << ' ' << keeps << ' ' << parameters;
    return kind.str();
  }
  /// Whether the layers before the first cross-attention are computed once for both halves of the guidance
  /// pair. With added conditions the halves differ from the first block on. If threads share samples
  /// (BatchParts), a number of latents that they cannot divide evenly is slower than whole pairs.
  static bool shares_layers(const StableDiffusion& model, std::int64_t latents) {
    if (model.unet->config().takes_added_conditions()) return false;
    const auto threads = BatchParts::most(model.policy);
    return latents % std::min(threads, 2 * latents) == 0;
  }
  /// Returns zeros for the guidance pair of `rows`.
  torch::Tensor twice(const torch::Tensor& rows) const {
    if (!rows.defined()) return {};
    auto shape = rows.sizes().vec();
    shape[0] *= 2;
    return torch::zeros(shape, table_.options());
  }
  static void fill(const torch::Tensor& both, const torch::Tensor& unconditional, const torch::Tensor& rows) {
    const auto pair = both.chunk(2);
    pair[0].copy_(unconditional.expand_as(pair[0]));
    pair[1].copy_(rows);
  }

  void advance() {
    const auto now = table_.index_select(0, step_).view({kNumbersAStep});
    const auto predicted = predict(now[0]).to(torch::kFloat).chunk(2);
    const auto out = predicted[0] + guidance_scale_ * (predicted[1] - predicted[0]);
    auto x0 = (now[1] * latents_ - now[2] * out) / now[3];
    if (change_.defined()) x0 = torch::lerp(original_.expand_as(x0), x0, change_.expand_as(x0));
    latents_.copy_(now[4] * latents_ + now[5] * x0 + now[6] * previous_x0_);
    previous_x0_.copy_(x0);
    step_.add_(1);
  }

  torch::Tensor predict(const torch::Tensor& timestep) {
    const auto input = shares_ ? latents_ : torch::cat({latents_, latents_});
    if (ahead_) return ahead_->forward(input, step_);
    std::vector<torch::Tensor> predicted(static_cast<std::size_t>(parts_.count()));
    parts_.run([&](std::int64_t part) {
      const auto context = part_of_context(part);
      predicted[static_cast<std::size_t>(part)] =
          model_.unet(parts_.of(input, part), timestep.to(torch::kLong).expand({context.size(0)}), context,
                      part_of_added(part));
    });
    if (!shares_) return torch::cat(predicted);
    // Each part has both halves of its samples.
    std::vector<torch::Tensor> halves;
    for (std::int64_t half = 0; half < 2; ++half) {
      for (const auto& part : predicted) halves.push_back(part.chunk(2)[static_cast<std::size_t>(half)]);
    }
    return torch::cat(halves);
  }

  torch::Tensor part_of_context(std::int64_t part) const {
    if (!shares_) return parts_.of(context_, part);
    const auto pair = context_.chunk(2);
    return parts_.count() == 1 ? context_ : torch::cat({parts_.of(pair[0], part), parts_.of(pair[1], part)});
  }

  AddedConditions part_of_added(std::int64_t part) const {
    if (!added_.text_embeds.defined()) return {};
    return {parts_.of(added_.text_embeds, part), parts_.of(added_.time_ids, part)};
  }

  StableDiffusion& model_;
  double guidance_scale_;
  torch::Tensor table_, step_, latents_, previous_x0_, context_;
  torch::Tensor original_, change_;  // of a KeptArea; undefined without one
  AddedConditions added_;
  bool shares_;
  BatchParts parts_;
  std::optional<UNetAhead> ahead_;
  ReplayedWork work_;
};

Sampler::Sampler(StableDiffusion& model, const SampleOptions& options)
    : model_(model),
      options_(options),
      steps_(last_steps(sampler_steps(options.sampler, options.steps, model.settings.noise,
                                      model.settings.timestep_spacing),
                        options.steps_taken())) {}

Sampler::~Sampler() = default;

torch::Tensor Sampler::noised(const torch::Tensor& original, const torch::Tensor& noise) const {
  const auto& first = steps_.front();
  const bool is_noise = model_.settings.noise.prediction_type == PredictionType::epsilon;
  const double alpha = is_noise ? first.divisor : first.input, sigma = first.output;
  return alpha * original.to(noise.device(), torch::kFloat) + sigma * noise;
}

Sampler::Loop& Sampler::loop_for(const torch::Tensor& latents, const TextEmbedding& embeddings, bool keeps) {
  for (const auto& loop : loops_) {
    if (loop->fits(latents.sizes(), keeps)) return *loop;
  }
  if (!loops_.empty() && !has_room_for_more(model_, latents)) loops_.clear();
  loops_.push_back(
      std::make_unique<Loop>(model_, options_, table_of(steps_), latents.sizes(), embeddings, keeps));
  return *loops_.back();
}

torch::Tensor Sampler::draw(const torch::Tensor& latents, const TextEmbedding& embeddings,
                            const TextEmbedding& unconditional, const StepCallback& on_step,
                            const KeptArea* kept) {
  torch::NoGradGuard no_grad;
  const ReplayScope replay(model_.policy.device);
  const PrecisionScope precision(model_.policy);
  auto& loop = loop_for(latents, embeddings, kept);
  loop.start(latents, embeddings, unconditional, kept);
  for (auto step = options_.steps - options_.steps_taken() + 1; step <= options_.steps; ++step) {
    loop.step();
    if (!on_step) continue;
    synchronize(model_.policy.device);  // otherwise all steps would appear to end at once
    on_step(step, loop.denoised());
  }
  return loop.latents();
}

}  // namespace forgedit
