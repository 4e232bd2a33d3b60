#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// A box of a HEIF or AVIF file (ISO/IEC 14496-12, 4.2): its four letters, and the bytes after its header.
struct HeifBox {
  std::string_view type;
  std::string_view contents;
};

/// Returns the boxes that `bytes` consist of. `name` and `format` are for messages. Throws Error if a box
/// ends after the end of `bytes`.
std::vector<HeifBox> split_heif_boxes(std::string_view bytes, const std::string& name,
                                      const std::string& format);

/// Checks what the primary picture is composed of (`iref`, ISO/IEC 23008-12, 6.6): tiles, layers and alpha
/// channels. libheif follows these references without a limit, so a cycle would crash the program. `boxes`
/// are the top-level ones. Throws Error if the references are damaged, nested too deeply or too many.
void check_heif_references(const std::vector<HeifBox>& boxes, std::uint32_t primary, const std::string& name,
                           const std::string& format);

}  // namespace forgedit
