#pragma once

#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// One cell: a picture, and below it a label of one or two lines (UTF-8; shortened with an ellipsis).
struct SheetCell {
  Image image;
  std::string label;
};

/// One row, with a title above it (may be empty).
struct SheetRow {
  std::string title;
  std::vector<SheetCell> cells;
};

/// Draws rows of cells of equal size on a light background, with text in `font`. Pictures keep their aspect
/// ratio and are scaled to a longer side of `cell_size` (32 to 2048). Rows of more than 8 cells are split
/// into lines; an empty picture gives an empty cell. A character that no font has becomes a box with its
/// code. Throws Error if the font cannot be read or the sheet would be larger than kMaxImagePixels.
Image draw_contact_sheet(const std::vector<SheetRow>& rows, const Fonts& font, const std::string& title,
                         int cell_size = 256);

}  // namespace forgedit
