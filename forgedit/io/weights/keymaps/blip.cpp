#include <ATen/ATen.h>

#include "forgedit/io/weights/keymaps/keymaps.h"

namespace forgedit {
namespace {

constexpr std::string_view kPositionIds = ".position_ids";

bool ends_with_position_ids(const std::string& name) {
  return name.size() >= kPositionIds.size() &&
         name.compare(name.size() - kPositionIds.size(), std::string::npos, kPositionIds) == 0;
}

bool same_tensor(const at::Tensor& left, const at::Tensor& right) {
  return left.scalar_type() == right.scalar_type() && left.sizes() == right.sizes() && at::equal(left, right);
}

}  // namespace

StateDict normalise_blip_keys(const StateDict& state) {
  const std::string words = "text_decoder.bert.embeddings.word_embeddings.weight";
  const std::string head = "text_decoder.cls.predictions.decoder.weight";
  const std::string bias = "text_decoder.cls.predictions.bias";
  const std::string head_bias = "text_decoder.cls.predictions.decoder.bias";
  StateDict result;
  for (const auto& [name, tensor] : state) {
    if (!ends_with_position_ids(name)) result.emplace(name, tensor);
  }
  // A file may contain one or both of two tied tensors.
  if (const auto tied = result.find(head); tied != result.end()) {
    const auto embedding = result.emplace(words, tied->second).first;
    if (same_tensor(embedding->second, tied->second)) result.erase(tied);
  }
  // The head adds decoder.bias; `bias` is another name of the same tensor.
  if (const auto tied = result.find(head_bias); tied != result.end()) {
    result[bias] = tied->second;
    result.erase(tied);
  }
  return result;
}

}  // namespace forgedit
