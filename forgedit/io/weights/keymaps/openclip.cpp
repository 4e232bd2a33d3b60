#include <ATen/ATen.h>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {
namespace {

constexpr const char* kLayers = "encoder.layers.";
constexpr const char* kBlocks = "transformer.resblocks.";
constexpr const char* kPositions = "positional_embedding";
constexpr const char* kProjection = "text_projection";
/// The order in which OpenCLIP stacks queries, keys and values.
constexpr const char* kStacked[] = {"q_proj", "k_proj", "v_proj"};

/// ViT-H has 24 layers. Stable Diffusion 2.x uses the output of the last but one, so its folders do not
/// contain the last.
constexpr std::int64_t kUnusedLayer = 23;

ModuleNames modules(std::int64_t layers) {
  ModuleNames names{{"token_embedding", "embeddings.token_embedding"}, {"ln_final", "final_layer_norm"}};
  static constexpr std::pair<const char*, const char*> kParts[] = {{".ln_1", ".layer_norm1"},
                                                                   {".ln_2", ".layer_norm2"},
                                                                   {".attn.out_proj", ".self_attn.out_proj"},
                                                                   {".mlp.c_fc", ".mlp.fc1"},
                                                                   {".mlp.c_proj", ".mlp.fc2"}};
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const auto number = std::to_string(layer);
    for (const auto& [block_part, layer_part] : kParts) {
      names.emplace_back(kBlocks + number + block_part, kLayers + number + layer_part);
    }
  }
  return names;
}

/// Converts OpenCLIP's parameters that are not in modules: positions, the projection (a module in some
/// files), and the stacked projections of attention.
void take_parameters(StateDict& state, StateDict& result, std::int64_t layers, bool projection) {
  const auto take = [&](const std::string& name) {
    const auto found = state.find(name);
    if (found == state.end()) return at::Tensor();
    auto tensor = found->second;
    state.erase(found);
    return tensor;
  };
  if (const auto positions = take(kPositions); positions.defined()) {
    result["embeddings.position_embedding.weight"] = positions;
  }
  if (const auto matrix = take(kProjection); matrix.defined() && projection) {
    if (matrix.dim() != 2)
      throw failure(std::string(kProjection) + ": expected a matrix, found " + shape_text(matrix.sizes()));
    result["text_projection.weight"] = matrix.t().contiguous();
  }
  // Playground v2 has a linear layer here, whose weight is already the transposed matrix.
  for (const char* name : {"text_projection.weight", "text_projection.weight.weight"}) {
    if (const auto weight = take(name); weight.defined() && projection)
      result["text_projection.weight"] = weight;
  }
  take("logit_scale");
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const auto number = std::to_string(layer);
    for (const std::string end : {"weight", "bias"}) {
      const auto name = kBlocks + number + ".attn.in_proj_" + end;
      const auto stacked = take(name);
      if (!stacked.defined()) continue;
      if (stacked.dim() == 0 || stacked.size(0) % 3 != 0) {
        throw failure(name + ": expected queries, keys and values, found the shape " +
                      shape_text(stacked.sizes()));
      }
      const auto parts = stacked.chunk(3, 0);
      for (std::size_t i = 0; i < 3; ++i) {
        result[kLayers + number + ".self_attn." + kStacked[i] + "." + end] = parts[i];
      }
    }
  }
}

/// Stacks the three projections of each layer that has all of them.
void stack_attention(StateDict& state, StateDict& result, std::int64_t layers) {
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const auto number = std::to_string(layer);
    for (const std::string end : {"weight", "bias"}) {
      std::vector<at::Tensor> parts;
      for (const char* part : kStacked) {
        const auto found = state.find(kLayers + number + ".self_attn." + part + "." + end);
        if (found == state.end()) break;
        parts.push_back(found->second);
      }
      if (parts.size() != 3) continue;
      for (const char* part : kStacked) state.erase(kLayers + number + ".self_attn." + part + "." + end);
      result[kBlocks + number + ".attn.in_proj_" + end] = at::cat(parts);
    }
  }
}

}  // namespace

StateDict clip_text_from_openclip(const StateDict& checkpoint, OpenClip scheme) {
  const bool projected = scheme == OpenClip::projected;
  auto state = without_prefix(checkpoint, projected ? kXlClip2Prefix : kOpenClipPrefix);
  if (!projected) {
    const auto unused = kBlocks + std::to_string(kUnusedLayer) + ".";
    for (const auto& [name, tensor] : without_prefix(state, unused)) state.erase(unused + name);
  }
  const auto layers = count_modules(state, kBlocks, ".");
  StateDict result;
  take_parameters(state, result, layers, projected);
  result.merge(rename_modules(state, modules(layers), Direction::first_to_second));
  return result;
}

StateDict clip_text_to_openclip(const StateDict& text_encoder, OpenClip scheme) {
  const bool projected = scheme == OpenClip::projected;
  auto state = text_encoder;
  const auto layers = count_modules(state, kLayers, ".");
  StateDict result;
  stack_attention(state, result, layers);
  if (const auto found = state.find("embeddings.position_embedding.weight"); found != state.end()) {
    result[kPositions] = found->second;
    state.erase(found);
  }
  if (const auto found = state.find("text_projection.weight"); found != state.end()) {
    result[kProjection] = found->second.t().contiguous();
    state.erase(found);
  }
  result.merge(rename_modules(state, modules(layers), Direction::second_to_first));
  if (!projected && layers == kUnusedLayer) {
    // Some readers expect all layers of ViT-H, although they do not use the last one; give them a copy.
    const auto last = kBlocks + std::to_string(kUnusedLayer - 1) + ".";
    for (const auto& [name, tensor] : without_prefix(result, last)) {
      result[kBlocks + std::to_string(kUnusedLayer) + "." + name] = tensor.clone();
    }
  }
  return with_prefix(result, projected ? kXlClip2Prefix : kOpenClipPrefix);
}

}  // namespace forgedit
