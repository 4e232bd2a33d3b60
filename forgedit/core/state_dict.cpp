#include "forgedit/core/state_dict.h"

#include <cstdio>
#include <cstring>
#include <deque>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/parallel.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

constexpr std::size_t kNamesShown = 8;

void append_names(std::string& message, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  message += "; " + std::string(what) + " " + std::to_string(names.size()) + ": ";
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    message += (i ? ", " : "") + names[i];
  }
  if (names.size() > kNamesShown) message += ", …";
}

constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;
constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325ULL;
constexpr std::int64_t kHashBlock = 1 << 18;  // values
constexpr std::size_t kHashAtOnce = std::size_t{256} << 20;

std::uint64_t hash_text(std::uint64_t hash, const std::string& text) {
  for (const unsigned char c : text) hash = (hash ^ c) * kFnvPrime;
  return hash;
}

std::uint64_t hash_word(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * kFnvPrime;
  return hash ^ (hash >> 32);
}

/// FNV-1a over 8 bytes at a time, folded so that high bits reach low ones: it hashes gigabytes in about a
/// second.
std::uint64_t hash_bytes(const char* data, std::size_t bytes) {
  auto hash = kFnvBasis;
  for (std::size_t at = 0; at < bytes; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + at, std::min<std::size_t>(8, bytes - at));
    hash = hash_word(hash, word);
  }
  return hash;
}

/// The hash of some values of a dense tensor, half precision or float32, as float32.
std::uint64_t hash_floats(const at::Tensor& tensor, std::int64_t first, std::int64_t count) {
  const auto hash = [&](const float* values) {
    return hash_bytes(reinterpret_cast<const char*>(values), static_cast<std::size_t>(count) * sizeof(float));
  };
  if (tensor.scalar_type() == at::kFloat) return hash(tensor.data_ptr<float>() + first);
  // Converted block by block: new memory for all values would take longer than the hash.
  const auto* halves = tensor.data_ptr<at::Half>() + first;
  return hash(std::vector<float>(halves, halves + count).data());
}

}  // namespace

std::string shape_text(at::IntArrayRef shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const auto side : shape) text += (text.empty() ? "" : "x") + std::to_string(side);
  return text;
}

StateDict parameters_of(const torch::nn::Module& module) {
  StateDict result;
  for (const auto& item : module.named_parameters()) result.emplace(item.key(), item.value());
  return result;
}

void load_state(torch::nn::Module& module, const StateDict& state, const std::string& origin) {
  torch::NoGradGuard no_grad;
  auto parameters = parameters_of(module);
  std::vector<std::string> missing, unexpected, misshapen;
  for (const auto& [name, parameter] : parameters) {
    const auto found = state.find(name);
    if (found == state.end()) {
      missing.push_back(name);
    } else if (found->second.sizes() != parameter.sizes()) {
      misshapen.push_back(name + " (expected " + shape_text(parameter.sizes()) + ", found " +
                          shape_text(found->second.sizes()) + ")");
    } else if (!found->second.is_floating_point()) {
      misshapen.push_back(name + " (expected floating point, found " +
                          std::string(found->second.dtype().name()) + ")");
    }
  }
  for (const auto& [name, tensor] : state) {
    if (!parameters.count(name)) unexpected.push_back(name);
  }
  if (!missing.empty() || !unexpected.empty() || !misshapen.empty()) {
    std::string message = origin + ": the weights do not fit the model described by config.json";
    append_names(message, "missing", missing);
    append_names(message, "unexpected", unexpected);
    append_names(message, "misshapen", misshapen);
    throw failure(message);
  }
  for (auto& [name, parameter] : parameters) {
    parameter.set_data(state.at(name).to(parameter.device(), at::kFloat));
  }
}

std::string fingerprint(const StateDict& state) {
  // One hash of names and shapes, and one of the hashes of all blocks in order, which all threads compute.
  struct Block {
    const at::Tensor* tensor;  // of half or float32 values; the hash is of float32 ones
    std::int64_t first, count;
    std::uint64_t hash;
  };
  std::deque<at::Tensor> tensors;
  std::vector<Block> blocks;
  std::size_t collected = 0;
  auto hash = kFnvBasis, values = kFnvBasis;
  const auto hash_blocks = [&] {
    parallel_for(static_cast<std::int64_t>(blocks.size()), 1, [&](std::int64_t first, std::int64_t last) {
      for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
        blocks[i].hash = hash_floats(*blocks[i].tensor, blocks[i].first, blocks[i].count);
      }
    });
    for (const auto& block : blocks) values = hash_word(values, block.hash);
    tensors.clear();
    blocks.clear();
    collected = 0;
  };
  for (const auto& [name, tensor] : state) {
    hash = hash_text(hash, name + " " + shape_text(tensor.sizes()));
    const bool half = tensor.scalar_type() == at::kHalf;
    // Standard strides first, so that a channels-last copy of the same weights reads the same.
    tensors.push_back(tensor.detach().to(at::kCPU, half ? at::kHalf : at::kFloat).contiguous());
    const auto& plain = tensors.back();
    for (std::int64_t first = 0; first < plain.numel(); first += kHashBlock) {
      blocks.push_back({&plain, first, std::min(kHashBlock, plain.numel() - first), 0});
    }
    // Weights of other types are copied here, so not all tensors are kept at once.
    collected += plain.nbytes();
    if (collected >= kHashAtOnce) hash_blocks();
  }
  hash_blocks();
  hash = hash_word(hash, values);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace forgedit
