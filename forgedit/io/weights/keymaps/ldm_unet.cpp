#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {
namespace {

/// The sizes that determine the numbers in the names.
struct Layout {
  std::int64_t levels = 0;
  std::int64_t layers = 0;                  ///< resnets per level of the encoder; the decoder has one more
  std::vector<bool> decoder_has_attention;  ///< by level; the upsampler comes after attention in its block
};

std::string name(const char* before, std::int64_t number, const std::string& after) {
  return before + std::to_string(number) + after;
}

void add_resnet(ModuleNames& names, const std::string& ldm, const std::string& diffusers) {
  static constexpr std::pair<const char*, const char*> kParts[] = {
      {".in_layers.0", ".norm1"},  {".in_layers.2", ".conv1"},  {".emb_layers.1", ".time_emb_proj"},
      {".out_layers.0", ".norm2"}, {".out_layers.3", ".conv2"}, {".skip_connection", ".conv_shortcut"}};
  for (const auto& [ldm_part, part] : kParts) names.emplace_back(ldm + ldm_part, diffusers + part);
}

/// LDM numbers blocks through all levels. Input block 0 is the first convolution; then each level has its
/// resnets (with attention as part 1) and its downsampler as a separate block. In the output blocks, the
/// upsampler is the last part of a level's last block.
ModuleNames modules(const Layout& layout) {
  ModuleNames names{{"time_embed.0", "time_embedding.linear_1"},
                    {"time_embed.2", "time_embedding.linear_2"},
                    {"label_emb.0.0", "add_embedding.linear_1"},
                    {"label_emb.0.2", "add_embedding.linear_2"},
                    {"input_blocks.0.0", "conv_in"},
                    {"middle_block.1", "mid_block.attentions.0"},
                    {"out.0", "conv_norm_out"},
                    {"out.2", "conv_out"}};
  add_resnet(names, "middle_block.0", "mid_block.resnets.0");
  add_resnet(names, "middle_block.2", "mid_block.resnets.1");
  const auto blocks = layout.layers + 1;  // numbers per level, in input and output blocks
  for (std::int64_t level = 0; level < layout.levels; ++level) {
    const auto down = name("down_blocks.", level, "."), up = name("up_blocks.", level, ".");
    for (std::int64_t i = 0; i < layout.layers; ++i) {
      const auto block = 1 + level * blocks + i;
      add_resnet(names, name("input_blocks.", block, ".0"), name((down + "resnets.").c_str(), i, ""));
      names.emplace_back(name("input_blocks.", block, ".1"), name((down + "attentions.").c_str(), i, ""));
    }
    names.emplace_back(name("input_blocks.", (level + 1) * blocks, ".0.op"), down + "downsamplers.0.conv");
    for (std::int64_t i = 0; i < blocks; ++i) {
      const auto block = level * blocks + i;
      add_resnet(names, name("output_blocks.", block, ".0"), name((up + "resnets.").c_str(), i, ""));
      names.emplace_back(name("output_blocks.", block, ".1"), name((up + "attentions.").c_str(), i, ""));
    }
    const char* part = layout.decoder_has_attention[static_cast<std::size_t>(level)] ? ".2.conv" : ".1.conv";
    names.emplace_back(name("output_blocks.", level * blocks + layout.layers, part),
                       up + "upsamplers.0.conv");
  }
  return names;
}

}  // namespace

StateDict unet_from_ldm(const StateDict& checkpoint) {
  const auto unet = without_prefix(checkpoint, kLdmUnetPrefix);
  Layout layout;
  const auto blocks = count_modules(unet, "input_blocks.", ".0.");
  // The first downsampler follows the first level's resnets.
  while (layout.layers + 1 < blocks &&
         !has_module(unet, name("input_blocks.", layout.layers + 1, ".0.op."))) {
    ++layout.layers;
  }
  layout.levels = blocks / (layout.layers + 1);
  for (std::int64_t level = 0; level < layout.levels; ++level) {
    layout.decoder_has_attention.push_back(
        has_module(unet, name("output_blocks.", level * (layout.layers + 1), ".1.norm.")));
  }
  return rename_modules(unet, modules(layout), Direction::first_to_second);
}

StateDict unet_to_ldm(const StateDict& unet) {
  Layout layout;
  layout.levels = count_modules(unet, "down_blocks.", ".");
  layout.layers = count_modules(unet, "down_blocks.0.resnets.", ".");
  for (std::int64_t level = 0; level < layout.levels; ++level) {
    layout.decoder_has_attention.push_back(has_module(unet, name("up_blocks.", level, ".attentions.")));
  }
  return with_prefix(rename_modules(unet, modules(layout), Direction::second_to_first), kLdmUnetPrefix);
}

StateDict linear_projections(const StateDict& unet) {
  auto result = unet;
  for (auto& [key, tensor] : result) {
    const bool is_projection =
        key.find(".attentions.") != std::string::npos && (key.find(".proj_in.weight") != std::string::npos ||
                                                          key.find(".proj_out.weight") != std::string::npos);
    if (is_projection && tensor.dim() == 4 && tensor.size(2) == 1 && tensor.size(3) == 1) {
      tensor = tensor.flatten(1);
    }
  }
  return result;
}

}  // namespace forgedit
