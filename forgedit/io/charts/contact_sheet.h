#pragma once

#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// One cell: a picture with a label of one or two lines under it (UTF-8, shortened with an ellipsis where too
/// wide).
struct SheetCell {
  Image image;
  std::string label;
};

/// One row with a title above it (may be empty).
struct SheetRow {
  std::string title;
  std::vector<SheetCell> cells;
};

/// Draws rows of equally large cells on a light ground with text set in `font`.
/// Pictures are scaled, keeping their shape, to a longer side of `cell_size` (32 to 2048). Rows of more than
/// 8 cells break into lines; empty pictures leave an empty cell. Characters that no font has are boxes with
/// their codes. Throws Error when the font cannot be read or the sheet would exceed kMaxImagePixels.
Image draw_contact_sheet(const std::vector<SheetRow>& rows, const Fonts& font, const std::string& title,
                         int cell_size = 256);

}  // namespace forgedit
