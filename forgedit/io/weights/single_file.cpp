#include "forgedit/io/weights/single_file.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <ATen/ATen.h>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"
#include "forgedit/io/weights/weights_file.h"

namespace forgedit {
namespace {

/// Buffers that LDM's training code saves beside the networks.
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

constexpr std::array<std::string_view, 2> kMarks{"v_pred", "ztsnr"};

constexpr std::string_view kEmaPrefix = "model_ema.";

/// The prefixes of a family's networks.
std::vector<std::string_view> network_prefixes(CheckpointKind kind) {
  switch (kind) {
    case CheckpointKind::sd2:
      return {kLdmUnetPrefix, kLdmVaePrefix, kOpenClipPrefix};
    case CheckpointKind::sdxl:
      return {kLdmUnetPrefix, kLdmVaePrefix, kXlClipPrefix, kXlClip2Prefix};
    default:
      return {kLdmUnetPrefix, kLdmVaePrefix, kLdmClipPrefix};
  }
}

bool begins_with_one(const std::string& name, const std::vector<std::string_view>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return starts_with(name, prefix); });
}

bool is_of_any_encoder(const std::string& name) {
  return starts_with(name, "cond_stage_model.") || starts_with(name, "conditioner.");
}

void take_text_encoders(const StateDict& tensors, SingleFile& file) {
  switch (file.kind) {
    case CheckpointKind::sd2:
      file.text_encoder = clip_text_from_openclip(tensors, OpenClip::penultimate);
      return;
    case CheckpointKind::sdxl:
      file.text_encoder = clip_text_from_ldm(tensors, &file.unused, kXlClipPrefix);
      file.text_encoder_2 = clip_text_from_openclip(tensors, OpenClip::projected);
      return;
    default:
      file.text_encoder = clip_text_from_ldm(tensors, &file.unused);
  }
}

}  // namespace

SingleFile split_checkpoint(const StateDict& tensors) {
  SingleFile file;
  if (const auto kind = checkpoint_kind(tensors); is_stable_diffusion(kind)) file.kind = kind;
  const auto prefixes = network_prefixes(file.kind);
  for (const auto& [name, tensor] : tensors) {
    if (begins_with_one(name, prefixes)) continue;
    if (starts_with(name, kEmaPrefix)) {
      ++file.ema_copies;
    } else if (std::find(kSchedule.begin(), kSchedule.end(), name) != kSchedule.end()) {
      file.schedule.emplace(name, tensor);
    } else if (std::find(kMarks.begin(), kMarks.end(), name) != kMarks.end()) {
      file.marks.push_back(name);
    } else {
      file.unused.push_back(name);
    }
  }
  file.unet = unet_from_ldm(tensors);
  if (file.kind != CheckpointKind::sd1) file.unet = linear_projections(file.unet);
  if (has_module(tensors, kLdmVaePrefix)) file.vae = vae_from_ldm(tensors, &file.unused);
  take_text_encoders(tensors, file);
  return file;
}

StateDict join_checkpoint(const SingleFile& file) {
  auto tensors = unet_to_ldm(file.unet);
  tensors.merge(vae_to_ldm(file.vae));
  switch (file.kind) {
    case CheckpointKind::sd2:
      tensors.merge(clip_text_to_openclip(file.text_encoder, OpenClip::penultimate));
      break;
    case CheckpointKind::sdxl:
      tensors.merge(clip_text_to_ldm(file.text_encoder, kXlClipPrefix));
      tensors.merge(clip_text_to_openclip(file.text_encoder_2, OpenClip::projected));
      break;
    default:
      tensors.merge(clip_text_to_ldm(file.text_encoder));
  }
  for (const auto& mark : file.marks) tensors.emplace(mark, at::empty({0}));
  return tensors;
}

SingleFile read_single_file(const std::filesystem::path& path) {
  // Skips averaged copies (model_ema), which are half of some files.
  const auto read =
      read_weights_file(path, [](const std::string& name) { return !starts_with(name, kEmaPrefix); });
  require_stable_diffusion(checkpoint_kind(read.tensors), path.string());
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
    return !starts_with(name, kLdmUnetPrefix) && !is_of_any_encoder(name) && !starts_with(name, kEmaPrefix);
  });
  const bool inside = has_module(read.tensors, kLdmVaePrefix);
  const auto kind = checkpoint_kind(read.tensors);
  if (is_stable_diffusion(kind) && !inside) {
    throw failure(path.string() + ": a checkpoint without a VAE in it");
  }
  if (!inside || !is_stable_diffusion(kind)) require_kind(kind, CheckpointKind::vae, path.string());
  metadata = read.metadata;
  try {
    return normalise_vae_keys(vae_from_ldm(read.tensors, &unused));
  } catch (const Error& error) {
    throw Error(error.kind(), path.string() + ": " + error.what());
  }
}

}  // namespace forgedit
