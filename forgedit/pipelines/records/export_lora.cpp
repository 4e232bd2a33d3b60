#include "forgedit/pipelines/records/export_lora.h"

#include <algorithm>

#include "forgedit/core/torch.h"
#include "forgedit/io/weights/keymaps/lora.h"

namespace forgedit {
namespace {

/// Eigenvalues below this share of the largest are rounding errors of double precision.
constexpr double kNoise = 1e-14;

struct Factors {
  at::Tensor down, up;  ///< (rank, columns) and (rows, rank)
};

std::int64_t chosen_rank(const at::Tensor& squares, const LoraOptions& options) {
  const auto real = (squares > squares[0] * kNoise).sum().item<std::int64_t>();
  if (options.energy <= 0) return std::min(options.rank, real);
  const auto shares = squares.cumsum(0) / squares.sum();
  const auto under = (shares < options.energy).sum().item<std::int64_t>();
  return std::min(under + 1, real);
}

/// Computes singular vectors from the smaller Gram matrix, whose sides are at most 1280 in Stable Diffusion
/// 1.x. A full SVD of a convolution (1280 x 23040) takes minutes.
Factors factorise(const at::Tensor& change, const LoraOptions& options) {
  const bool wide = change.size(0) <= change.size(1);
  const auto gram = wide ? change.matmul(change.t()) : change.t().matmul(change);
  const auto [values, vectors] = torch::linalg_eigh(gram, "L");
  const auto squares = values.flip(0).clamp_min(0);
  const auto rank = chosen_rank(squares, options);
  const auto basis = vectors.flip(1).slice(1, 0, rank);
  // Both factors get the root of each singular value, so that neither leaves the range of float16.
  const auto root = squares.slice(0, 0, rank).sqrt().sqrt();
  if (wide) return {basis.t().matmul(change) / root.unsqueeze(1), basis * root};
  return {basis.t() * root.unsqueeze(1), change.matmul(basis) / root};
}

/// Embedding tables are matrices too, but no LoRA loader looks for them.
bool can_hold(const std::string& name, const at::Tensor& tensor) {
  return (tensor.dim() == 2 || tensor.dim() == 4) && name.ends_with(".weight") &&
         !name.ends_with("embedding.weight");
}

double squared_norm(const at::Tensor& tensor) {
  return tensor.square().sum().item<double>();
}

void store(Lora& lora, const std::string& key, const at::Tensor& down, const at::Tensor& up, double alpha) {
  lora.tensors[key + ".lora_down.weight"] = down.cpu();
  lora.tensors[key + ".lora_up.weight"] = up.cpu();
  lora.tensors[key + ".alpha"] = torch::tensor(alpha).to(down.scalar_type());
}

}  // namespace

double Lora::kept(bool all) const {
  double change = all ? not_held_change : 0, lost = change;
  for (const auto& layer : layers) {
    change += layer.change;
    lost += layer.lost;
  }
  return change > 0 ? 1.0 - lost / change : 1.0;
}

void Lora::append(Lora other) {
  tensors.merge(other.tensors);
  layers.insert(layers.end(), other.layers.begin(), other.layers.end());
  not_held.insert(not_held.end(), other.not_held.begin(), other.not_held.end());
  not_held_change += other.not_held_change;
}

Lora make_lora(const LoraNames& names, const StateDict& original, const StateDict& tuned,
               const LoraOptions& options, at::ScalarType dtype) {
  torch::NoGradGuard no_grad;
  Lora lora;
  for (const auto& [name, tensor] : tuned) {
    const auto change = tensor.to(at::kDouble) - original.at(name).to(at::kDouble);
    const double norm = squared_norm(change);
    if (norm == 0) continue;
    if (!can_hold(name, tensor)) {
      lora.not_held.push_back(name);
      lora.not_held_change += norm;
      continue;
    }
    const auto matrix = change.contiguous().flatten(1);
    const auto factors = factorise(matrix, options);
    auto down = factors.down.to(dtype), up = factors.up.to(dtype);
    const auto rank = down.size(0);
    const double lost = squared_norm(matrix - up.to(at::kDouble).matmul(down.to(at::kDouble)));
    const auto module = module_of(name);
    lora.layers.push_back({module, rank, norm, lost});
    if (tensor.dim() == 4) {
      down = down.reshape({rank, tensor.size(1), tensor.size(2), tensor.size(3)});
      up = up.reshape({tensor.size(0), rank, 1, 1});
    }
    store(lora, names(name), down, up, static_cast<double>(rank));
  }
  return lora;
}

Lora lora_of_adapters(const LoraNames& names, const LearnResult& learned, const LearnOptions& options,
                      const std::function<double(const std::string& parameter)>& share,
                      at::ScalarType dtype) {
  torch::NoGradGuard no_grad;
  constexpr std::string_view kDown = ".lora_down.weight";
  const double scale = options.lora_scale();
  Lora lora;
  for (const auto& [name, adapter] : learned.lora) {
    if (!name.ends_with(kDown)) continue;
    const auto module = name.substr(0, name.size() - kDown.size());
    const auto parameter = module + ".weight";
    const double kept = share(parameter);
    if (kept == 0) continue;
    const auto exact_up = kept * learned.lora.at(module + ".lora_up.weight");
    auto down = adapter.to(dtype), up = exact_up.to(dtype);
    const auto change_of = [&](const at::Tensor& u, const at::Tensor& d) {
      return scale * u.to(at::kDouble).matmul(d.to(at::kDouble));
    };
    const auto change = change_of(exact_up, adapter);
    const double norm = squared_norm(change);
    if (norm == 0) continue;
    lora.layers.push_back({module, options.lora_rank, norm, squared_norm(change - change_of(up, down))});
    if (learned.unet.at(parameter).dim() == 4) {
      down = down.view({down.size(0), down.size(1), 1, 1});
      up = up.view({up.size(0), up.size(1), 1, 1});
    }
    store(lora, names(parameter), down, up, scale * static_cast<double>(options.lora_rank));
  }
  return lora;
}

}  // namespace forgedit
