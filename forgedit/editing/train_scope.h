#pragma once

#include <string>

namespace forgedit {

/// Which UNet blocks are trained.
enum class LayerScope {
  code,   ///< the published code: down_blocks 1 and up, up_blocks 1 and up
  paper,  ///< the paper's text: encoder 0 to 2, decoder 1 to 3
  all,    ///< the whole UNet: DreamBoothForgedit, Imagic
};

/// "code", "paper" or "all". Throws a usage Error otherwise.
LayerScope parse_layer_scope(const std::string& name);
std::string layer_scope_name(LayerScope scope);

/// Whether the UNet parameter `name` is trained.
bool learns(LayerScope scope, const std::string& name);

}  // namespace forgedit
