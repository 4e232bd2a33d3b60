#include "forgedit/io/weights/single_file.h"

#include <array>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/io/weights/checkpoint_kind.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"
#include "forgedit/io/weights/weights_file.h"

namespace forgedit {
namespace {

/// Buffers of LDM's training code, beside the networks.
constexpr std::array<std::string_view, 15> kSchedule{"betas",
                                                     "alphas_cumprod",
                                                     "alphas_cumprod_prev",
                                                     "sqrt_alphas_cumprod",
                                                     "sqrt_one_minus_alphas_cumprod",
                                                     "log_one_minus_alphas_cumprod",
                                                     "sqrt_recip_alphas_cumprod",
                                                     "sqrt_recipm1_alphas_cumprod",
                                                     "posterior_variance",
                                                     "posterior_log_variance_clipped",
                                                     "posterior_mean_coef1",
                                                     "posterior_mean_coef2",
                                                     "logvar",
                                                     "lvlb_weights",
                                                     "scale_factor"};

constexpr std::string_view kEmaPrefix = "model_ema.";

}  // namespace

SingleFile split_checkpoint(const StateDict& tensors) {
  SingleFile file;
  for (const auto& [name, tensor] : tensors) {
    if (starts_with(name, kLdmUnetPrefix) || starts_with(name, kLdmVaePrefix) ||
        starts_with(name, kLdmClipPrefix)) {
      continue;
    }
    if (starts_with(name, kEmaPrefix)) {
      ++file.ema_copies;
    } else if (std::find(kSchedule.begin(), kSchedule.end(), name) != kSchedule.end()) {
      file.schedule.emplace(name, tensor);
    } else {
      file.unused.push_back(name);
    }
  }
  file.unet = unet_from_ldm(tensors);
  if (has_module(tensors, kLdmVaePrefix)) file.vae = vae_from_ldm(tensors, &file.unused);
  file.text_encoder = clip_text_from_ldm(tensors, &file.unused);
  return file;
}

SingleFile read_single_file(const std::filesystem::path& path) {
  // Averaged copies (model_ema) are half of some files.
  const auto read =
      read_weights_file(path, [](const std::string& name) { return !starts_with(name, kEmaPrefix); });
  require_kind(checkpoint_kind(read.tensors), CheckpointKind::sd1, path.string());
  try {
    auto file = split_checkpoint(read.tensors);
    file.metadata = read.metadata;
    return file;
  } catch (const Error& error) {
    throw Error(error.kind(), path.string() + ": " + error.what());
  }
}

StateDict read_vae_file(const std::filesystem::path& path, std::map<std::string, std::string>& metadata,
                        std::vector<std::string>& unused) {
  const auto read = read_weights_file(path, [](const std::string& name) {
    return !starts_with(name, kLdmUnetPrefix) && !starts_with(name, kLdmClipPrefix) &&
           !starts_with(name, kEmaPrefix);
  });
  const bool inside = has_module(read.tensors, kLdmVaePrefix);
  const auto kind = checkpoint_kind(read.tensors);
  if (kind == CheckpointKind::sd1 && !inside) {
    throw failure(path.string() + ": a checkpoint without a VAE in it");
  }
  if (!inside || kind != CheckpointKind::sd1) require_kind(kind, CheckpointKind::vae, path.string());
  metadata = read.metadata;
  try {
    return normalise_vae_keys(vae_from_ldm(read.tensors, &unused));
  } catch (const Error& error) {
    throw Error(error.kind(), path.string() + ": " + error.what());
  }
}

}  // namespace forgedit
