#include "forgedit/core/state_dict.h"

#include <torch/torch.h>

#include <cstdio>
#include <cstring>

#include "forgedit/core/error.h"

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

std::uint64_t hash_text(std::uint64_t hash, const std::string& text) {
  for (const unsigned char c : text) hash = (hash ^ c) * kFnvPrime;
  return hash;
}

/// FNV-1a over 8 bytes at a time, folded so that high bits reach low ones: gigabytes in about a second.
std::uint64_t hash_floats(std::uint64_t hash, const at::Tensor& values) {
  const auto* data = static_cast<const char*>(values.data_ptr());
  for (std::size_t at = 0; at < values.nbytes(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + at, std::min<std::size_t>(8, values.nbytes() - at));
    hash = (hash ^ word) * kFnvPrime;
    hash ^= hash >> 32;
  }
  return hash;
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
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const auto& [name, tensor] : state) {
    hash = hash_text(hash, name + " " + shape_text(tensor.sizes()));
    // Standard strides first, so that a channels-last copy of the same weights reads the same.
    hash = hash_floats(hash, tensor.detach().to(at::kCPU, at::kFloat).contiguous());
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace forgedit
