
#include <set>

#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/editing/interpolation.h"
#include "forgedit/editing/learned_weights.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/pipelines/learning/learn.h"
#include "forgedit/pipelines/sampling/sample.h"

namespace forgedit::conformance {
namespace {

/// Interpolates as `name` says: "vs_GAMMA" or "vp_EDIT_IDENTITY", where EDIT is the paper's β and IDENTITY
/// its α.
TextEmbedding interpolate_as_named(const std::string& name, const TextEmbedding& learned,
                                   const TextEmbedding& target, std::span<const std::int64_t> widths) {
  double edit = 0, identity = 0;
  if (std::sscanf(name.c_str(), "vs_%lf", &edit) == 1) return vector_subtraction(learned, target, edit);
  if (std::sscanf(name.c_str(), "vp_%lf_%lf", &edit, &identity) == 2) {
    return vector_projection(learned, target, widths, identity, edit);
  }
  throw failure(name + ": expected vs_GAMMA or vp_EDIT_IDENTITY");
}

/// The input `name`, and the input `name`_pooled if there is one.
TextEmbedding embedding_of(const Case& fixture, const std::string& name) {
  const auto pooled = fixture.in.find(name + "_pooled");
  return {fixture.input(name), pooled == fixture.in.end() ? torch::Tensor() : pooled->second};
}

}  // namespace

// Outputs: INTERPOLATION and pooled_INTERPOLATION. `widths` are the sizes of the text encoders' parts.
Outputs interpolate(const Case& fixture) {
  constexpr std::string_view kPooled = "pooled_";
  const auto learned = embedding_of(fixture, "learned"), target = embedding_of(fixture, "target");
  const auto widths = fixture.settings.value("widths", std::vector<std::int64_t>{learned.tokens.size(-1)});
  Outputs outputs;
  for (const auto& [name, reference] : fixture.out) {
    const bool pooled = name.starts_with(kPooled);
    const auto result =
        interpolate_as_named(pooled ? name.substr(kPooled.size()) : name, learned, target, widths);
    outputs.tensors[name] = pooled ? result.pooled : result.tokens;
  }
  return outputs;
}

// Outputs: for each strategy, how many parameter names differ from the list in case.json.
Outputs forgetting(const Case& fixture) {
  const auto all = fixture.settings.at("all").get<std::vector<std::string>>();
  const auto blocks = UNetBlocks::of(all);
  Outputs outputs;
  for (const auto& [key, method] :
       {std::pair{"vanilla", LearnMethod::vanilla}, std::pair{"dreambooth", LearnMethod::dreambooth}}) {
    if (!fixture.settings.contains(key)) continue;
    for (const auto& [name, list] : fixture.settings.at(key).items()) {
      const auto expected = list.get<std::set<std::string>>();
      const auto& strategy = find_forgetting_strategy(name, method);
      int differing = 0;
      for (const auto& parameter : all)
        differing += forgets(strategy, parameter, blocks) != (expected.count(parameter) > 0);
      const auto row = std::string(key) + "." + name;
      outputs.tensors[row] = torch::tensor(differing);
      outputs.comparisons[row] = {Comparison::Kind::equal, 0};
    }
  }
  return outputs;
}

namespace {

/// Fine-tuning options from case.json, with the fixture's own noise.
LearnOptions learn_options(const Case& fixture, LearnMethod method) {
  const auto& settings = fixture.settings;
  auto options = published_options(method);
  options.batch = settings.value("batch", options.batch);
  options.unet_lr = settings.at("unet_lr").get<double>();
  options.text_lr = settings.at(method == LearnMethod::imagic ? "embedding_lr" : "text_lr").get<double>();
  options.adam.eps = settings.at("adam_eps").get<double>();
  options.stop_loss = 0;
  const auto samples = [&](const char* key) { return options.batch * settings.at(key).get<std::int64_t>(); };
  if (method == LearnMethod::imagic) {
    options.embedding_samples = samples("embedding_steps");
    options.samples = samples("unet_steps");
  } else {
    options.samples = samples("steps");
  }
  return options;
}

LearnBatches given_batches(const Case& fixture) {
  return [&fixture](std::int64_t step) {
    return LearnBatch{fixture.input("noise")[step], fixture.input("timesteps")[step]};
  };
}

void add_losses(Outputs& outputs, const LearnResult& result, const Case& fixture) {
  outputs.tensors["losses"] = torch::tensor(result.losses, torch::kFloat);
  outputs.comparisons["losses"] = {Comparison::Kind::max_relative, fixture.number("loss_rel", 1e-4)};
}

/// Adds the norm of each parameter's change.
void add_delta_norms(Outputs& outputs, const std::string& prefix, const StateDict& learned,
                     const StateDict& original, const Case& fixture) {
  for (const auto& [name, tensor] : learned) {
    outputs.tensors[prefix + name] = (tensor - original.at(name)).norm();
    outputs.comparisons[prefix + name] = {Comparison::Kind::max_relative, fixture.number("norm_rel", 1e-2)};
  }
}

/// Throws a failure unless the fixture has the time ids that the model itself uses for this size.
void check_time_ids(const Case& fixture, const AddedConditions& added) {
  if (!added.time_ids.defined() || fixture.in.count("time_ids") == 0) return;
  if (torch::equal(added.time_ids.to(torch::kCPU), fixture.input("time_ids").to(torch::kCPU))) return;
  throw failure("time_ids: expected (height, width, 0, 0, height, width) of the picture");
}

}  // namespace

Outputs finetune_vanilla(const Case& fixture) {
  StableDiffusion model;
  model.policy = fixture.policy;
  model.settings.noise = noise_of(fixture);
  model.unet = load_unet(fixture.path("model") / "unet", fixture.policy.device);
  const auto original = parameters_of(*model.unet);
  const auto latents = fixture.input("latents");
  TextEmbedding source{fixture.input("source_embedding"), {}};
  if (model.unet->config().takes_added_conditions()) {
    model.vae = load_vae(fixture.path("model") / "vae", fixture.policy.device);
    source.pooled = fixture.input("source_pooled");
    check_time_ids(fixture, model.added_conditions(source.pooled, latents.size(2), latents.size(3)));
  }
  const auto result = learn_vanilla(model, latents, source, learn_options(fixture, LearnMethod::vanilla),
                                    given_batches(fixture));
  Outputs outputs;
  add_losses(outputs, result, fixture);
  outputs.tensors["text_embedding"] = result.embedding.tokens;
  if (source.pooled.defined()) outputs.tensors["pooled_embedding"] = result.embedding.pooled;
  for (const auto& [name, tensor] : result.unet) {
    outputs.tensors["delta." + name] = tensor - original.at(name);
    outputs.comparisons["delta." + name] = {Comparison::Kind::rel_l2, fixture.number("delta_rel_l2", 1e-3)};
  }
  if (fixture.settings.contains("trainable")) {
    std::set<std::string> learned;
    for (const auto& item : result.unet) learned.insert(item.first);
    if (learned != fixture.settings["trainable"].get<std::set<std::string>>()) {
      throw failure("the parameters that learn are not those of case.json's `trainable`");
    }
  }
  return outputs;
}

Outputs finetune_dreambooth(const Case& fixture) {
  auto model = StableDiffusion::load(fixture.path("model"), fixture.policy);
  const auto unet = parameters_of(*model.unet), text_encoder = parameters_of(*model.text_encoder);
  const auto ids = model.tokenize(fixture.settings.at("source").get<std::string>());
  const auto result =
      learn_dreambooth(model, fixture.input("latents"), ids, learn_options(fixture, LearnMethod::dreambooth),
                       given_batches(fixture));
  Outputs outputs;
  add_losses(outputs, result, fixture);
  outputs.tensors["embedding_after"] = result.embedding.tokens;
  add_delta_norms(outputs, "unet_delta_norm.", result.unet, unet, fixture);
  add_delta_norms(outputs, "text_delta_norm.", result.text_encoder, text_encoder, fixture);
  return outputs;
}

// The output edit_embedding_ALPHA is α·target + (1 − α)·learned.
Outputs finetune_imagic(const Case& fixture) {
  StableDiffusion model;
  model.policy = fixture.policy;
  model.unet = load_unet(fixture.path("model") / "unet", fixture.policy.device);
  const auto original = parameters_of(*model.unet);
  const TextEmbedding target{fixture.input("target_embedding").to(fixture.policy.device), {}};
  const auto result = learn_imagic(model, fixture.input("latents"), target,
                                   learn_options(fixture, LearnMethod::imagic), given_batches(fixture));
  Outputs outputs;
  add_losses(outputs, result, fixture);
  outputs.tensors["text_embedding"] = result.embedding.tokens;
  add_delta_norms(outputs, "unet_delta_norm.", result.unet, original, fixture);
  for (const auto& [name, reference] : fixture.out) {
    double alpha = 0;
    if (std::sscanf(name.c_str(), "edit_embedding_%lf", &alpha) != 1) continue;
    outputs.tensors[name] = vector_subtraction(result.embedding, target, alpha).tokens;
  }
  return outputs;
}

// Outputs: latents.STRATEGY.INTERPOLATION and image.STRATEGY.INTERPOLATION.
Outputs edit(const Case& fixture) {
  auto model = StableDiffusion::load(fixture.path("model"), fixture.policy);
  LearnedWeights weights(parameters_of(*model.unet),
                         read_component_weights(fixture.path("tuned_unet"), "diffusion_pytorch_model"));
  SampleOptions options;
  options.steps = fixture.settings.at("steps").get<std::int64_t>();
  options.guidance_scale = fixture.settings.at("guidance_scale").get<double>();

  Outputs outputs;
  for (const auto& [name, reference] : fixture.out) {
    const auto first = name.find('.'), second = name.find('.', first + 1);
    weights.apply(find_forgetting_strategy(name.substr(first + 1, second - first - 1)),
                  fixture.number("blend", 0.0));
    const auto embedding = interpolate_as_named(name.substr(second + 1), embedding_of(fixture, "learned"),
                                                embedding_of(fixture, "target"), model.text_widths());
    const auto start = fixture.input("initial_latents");
    check_time_ids(fixture, model.added_conditions(embedding.pooled, start.size(2), start.size(3)));
    const auto latents = Sampler(model, options).draw(start, embedding, embedding_of(fixture, "uncond"));
    outputs.tensors[name] = starts_with(name, "image.") ? model.decode_latents(latents) : latents;
  }
  return outputs;
}

}  // namespace forgedit::conformance
