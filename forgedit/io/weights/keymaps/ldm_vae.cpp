#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {
namespace {

/// `levels`: those of encoder and decoder. LDM counts the decoder's from the image, diffusers from the
/// latents.
ModuleNames modules(std::int64_t levels, std::int64_t layers) {
  ModuleNames names;
  const auto add_resnet = [&](const std::string& ldm, const std::string& diffusers) {
    names.emplace_back(ldm + ".nin_shortcut", diffusers + ".conv_shortcut");
    for (const char* part : {".norm1", ".conv1", ".norm2", ".conv2"}) {
      names.emplace_back(ldm + part, diffusers + part);
    }
  };
  for (const std::string side : {"encoder.", "decoder."}) {
    names.emplace_back(side + "norm_out", side + "conv_norm_out");
    add_resnet(side + "mid.block_1", side + "mid_block.resnets.0");
    add_resnet(side + "mid.block_2", side + "mid_block.resnets.1");
    for (const auto& [ldm, diffusers] : {std::pair{"norm", "group_norm"},
                                         {"q", "to_q"},
                                         {"k", "to_k"},
                                         {"v", "to_v"},
                                         {"proj_out", "to_out.0"}}) {
      names.emplace_back(side + "mid.attn_1." + ldm, side + "mid_block.attentions.0." + diffusers);
    }
  }
  for (std::int64_t level = 0; level < levels; ++level) {
    const auto number = std::to_string(level), mirrored = std::to_string(levels - 1 - level);
    const auto ldm_down = "encoder.down." + number, down = "encoder.down_blocks." + number,
               ldm_up = "decoder.up." + mirrored, up = "decoder.up_blocks." + number;
    for (std::int64_t i = 0; i < layers; ++i) {
      const auto part = std::to_string(i);
      add_resnet(ldm_down + ".block." + part, down + ".resnets." + part);
    }
    for (std::int64_t i = 0; i < layers + 1; ++i) {
      const auto part = std::to_string(i);
      add_resnet(ldm_up + ".block." + part, up + ".resnets." + part);
    }
    names.emplace_back(ldm_down + ".downsample.conv", down + ".downsamplers.0.conv");
    names.emplace_back(ldm_up + ".upsample.conv", up + ".upsamplers.0.conv");
  }
  return names;
}

/// Whether the key is a projection of attention: a matrix in diffusers, a 1x1 convolution in LDM.
bool is_projection(const std::string& key) {
  if (key.find(".mid_block.attentions.0.to_") == std::string::npos) return false;
  return key.size() > 7 && key.compare(key.size() - 7, 7, ".weight") == 0;
}

}  // namespace

StateDict vae_from_ldm(const StateDict& checkpoint, UnusedNames* unused) {
  auto vae = without_prefix(checkpoint, kLdmVaePrefix);
  vae = without_leftovers(vae.empty() ? checkpoint : vae, unused);
  const auto names =
      modules(count_modules(vae, "encoder.down.", "."), count_modules(vae, "encoder.down.0.block.", "."));
  auto result = rename_modules(vae, names, Direction::first_to_second);
  for (auto& [key, tensor] : result) {
    if (is_projection(key) && tensor.dim() == 4 && tensor.size(2) == 1 && tensor.size(3) == 1) {
      tensor = tensor.flatten(1);
    }
  }
  return result;
}

StateDict vae_to_ldm(const StateDict& vae) {
  auto convolutions = vae;
  for (auto& [key, tensor] : convolutions) {
    if (is_projection(key) && tensor.dim() == 2) tensor = tensor.unsqueeze(-1).unsqueeze(-1);
  }
  const auto names = modules(count_modules(vae, "encoder.down_blocks.", "."),
                             count_modules(vae, "encoder.down_blocks.0.resnets.", "."));
  return with_prefix(rename_modules(convolutions, names, Direction::second_to_first), kLdmVaePrefix);
}

}  // namespace forgedit
