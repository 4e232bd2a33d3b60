#pragma once

#include <string>

namespace forgedit {

/// Which UNet blocks are trained.
enum class LayerScope {
  code,   ///< the published code: all down_blocks and up_blocks except down_blocks.0 and up_blocks.0
  paper,  ///< the text of the paper: down_blocks.0 to 2 and up_blocks.1 to 3
  all,    ///< the whole UNet, as in DreamBoothForgedit and Imagic
};

/// Reads "code", "paper" or "all". Throws a usage Error for other names.
LayerScope parse_layer_scope(const std::string& name);
std::string layer_scope_name(LayerScope scope);

/// Whether the UNet parameter `name` is trained.
bool learns(LayerScope scope, const std::string& name);

}  // namespace forgedit
