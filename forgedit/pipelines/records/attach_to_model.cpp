#include "forgedit/pipelines/records/attach_to_model.h"

#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/nn/half_weights.h"
#include "forgedit/pipelines/learning/lora_adapters.h"

namespace forgedit {
namespace {

/// Moves exactly the weights of one network that `learns` to the device (`offload`: the CPU), dtype and
/// strides of its parameters, so that edits have the same bytes as right after fine-tuning.
template <typename Learns>
void attach_weights(StateDict& learned, const torch::nn::Module& network, Learns learns,
                    const std::string& name, bool offload) {
  const auto parameters = parameters_of(network);
  for (const auto& [key, parameter] : parameters) {
    if (learns(key) == (learned.count(key) > 0)) continue;
    throw failure(name + ": " + key + ": " + (learned.count(key) ? "unexpected" : "missing") +
                  " among the learned weights");
  }
  for (auto& [key, tensor] : learned) {
    const auto parameter = parameters.find(key);
    if (parameter == parameters.end() || parameter->second.sizes() != tensor.sizes()) {
      throw failure(name + ": " + key + ": the model has no such parameter of shape " +
                    shape_text(tensor.sizes()));
    }
    const auto device = offload ? c10::Device(c10::DeviceType::CPU) : parameter->second.device();
    auto placed = torch::empty_like(parameter->second, nn::learned_options(parameter->second).device(device));
    placed.copy_(tensor);
    tensor = placed;
  }
}

/// Moves one tensor of an embedding to the model's device. Throws a failure that begins with `owner` if it is
/// missing or has another shape than in the model.
void attach_part(torch::Tensor& part, const std::string& name, const std::vector<std::int64_t>& shape,
                 const std::string& owner, const c10::Device& device) {
  if (!part.defined()) throw failure(owner + ": " + name + ": missing");
  if (part.sizes() != shape) {
    throw failure(owner + ": " + name + ": expected " + shape_text(shape) + ", found " +
                  shape_text(part.sizes()));
  }
  part = part.to(device);
}

}  // namespace

void attach_to_model(LearnedPicture& learned, const StableDiffusion& model, const std::string& name) {
  if (learned.base_fingerprint != model.base_fingerprint) {
    if (learned.fingerprint_method != StableDiffusion::kFingerprintMethod) {
      throw usage_error(
          "saved edit " + name + ": the fingerprint of its base model (" + learned.base_name +
          ") was computed by another version, so the models cannot be compared; learn the picture again");
    }
    if (without_clip_skip(learned.base_fingerprint) == without_clip_skip(model.base_fingerprint)) {
      throw usage_error("clip_skip", "saved edit " + name + " was learned on " + learned.base_name +
                                         ", but this run uses another layer of the text encoder");
    }
    throw usage_error("saved edit " + name + " belongs to another base model (" + learned.base_name +
                      ", fingerprint " + learned.base_fingerprint + "), not to this one (" +
                      model.base_fingerprint + "): use that model, or learn the picture again");
  }
  const auto& unet = model.unet->config();
  auto& embedding = learned.result.embedding;
  attach_part(embedding.tokens, kEmbeddingTokens,
              {1, model.text_encoder->config().max_position_embeddings, unet.cross_attention_dim},
              "saved edit " + name, model.policy.device);
  if (unet.takes_added_conditions()) {
    attach_part(embedding.pooled, kEmbeddingPooled, {1, unet.pooled_width()}, "saved edit " + name,
                model.policy.device);
  } else if (embedding.pooled.defined()) {
    throw failure("saved edit " + name + ": " + kEmbeddingPooled + ": this model takes no pooled embedding");
  }
  if (learned.options.tuning == Tuning::lora) {
    check_adapters(learned.result.lora, learned.options, *model.unet, "saved edit " + name);
    learned.result.unet = merged_adapters(learned.result.lora, learned.options, model);
  } else {
    attach_weights(
        learned.result.unet, *model.unet,
        [&](const std::string& key) { return learns(learned.options.layers, key); }, "saved edit " + name,
        model.memory.offload);
  }
  attach_weights(
      learned.result.text_encoder, *model.text_encoder,
      [&](const std::string&) { return learns_text_encoder(learned); }, "saved edit " + name,
      model.memory.offload);
}

}  // namespace forgedit
