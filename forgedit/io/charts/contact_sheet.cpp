#include "forgedit/io/charts/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/io/charts/text_painter.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit {
namespace {

using Colour = std::array<std::uint8_t, 3>;

constexpr Colour kGround = {250, 250, 248};
constexpr Colour kCellGround = {240, 240, 237};  // visible beside pictures that do not fill their cell
constexpr Colour kTitleColour = {34, 34, 34};
constexpr Colour kRowColour = {68, 68, 68};
constexpr Colour kLabelColour = {96, 96, 96};

constexpr std::size_t kMaxCellsPerLine = 8;
constexpr std::size_t kTitleLines = 3;
constexpr std::size_t kRowTitleLines = 2;
constexpr std::size_t kLabelLines = 2;
constexpr int kMinCellSize = 32;
constexpr int kMaxCellSize = 2048;
// Minimum width of titles, in cells. Titles of a sheet with one column would otherwise be cut off.
constexpr int kMinColumns = 2;

struct Size {
  int width;
  int height;
};

/// The size of the picture scaled to a longer side of `side`.
Size scaled_size(const Image& picture, int side) {
  const double scale = static_cast<double>(side) / std::max(picture.width, picture.height);
  return {std::clamp(static_cast<int>(std::lround(picture.width * scale)), 1, side),
          std::clamp(static_cast<int>(std::lround(picture.height * scale)), 1, side)};
}

bool is_empty(const Image& picture) {
  return picture.width < 1 || picture.height < 1;
}

/// The size of all cells: no larger than the largest scaled picture, so that a sheet of wide pictures has no
/// empty bands, but wide enough for labels.
Size common_cell_size(const std::vector<SheetRow>& rows, int side) {
  Size cell = {side * 3 / 4, side / 4};
  bool any = false;
  for (const SheetRow& row : rows) {
    for (const SheetCell& each : row.cells) {
      if (is_empty(each.image)) continue;
      const Size size = scaled_size(each.image, side);
      cell = {std::max(cell.width, size.width), std::max(cell.height, size.height)};
      any = true;
    }
  }
  return any ? cell : Size{side, side};
}

/// The number of cells per line. Long rows break into lines of nearly equal length.
std::size_t cells_per_line(const SheetRow& row) {
  const std::size_t lines = (row.cells.size() + kMaxCellsPerLine - 1) / kMaxCellsPerLine;
  return lines == 0 ? 0 : (row.cells.size() + lines - 1) / lines;
}

/// All distances, derived from the longer side of scaled pictures.
struct Style {
  Style(int cell_size, Size cell_)
      : side(cell_size),
        cell(cell_),
        gap(std::max(4, cell_size / 24)),
        margin(std::max(12, cell_size / 9)),
        label_size(std::clamp(cell_size / 16.0, 11.0, 40.0)),
        row_size(label_size * 1.15),
        title_size(label_size * 1.45) {}

  static int line_height(double font_size) { return static_cast<int>(std::lround(font_size * 1.35)); }
  static int ascent(double font_size) { return static_cast<int>(std::lround(font_size * 0.98)); }

  int side;
  Size cell;
  int gap;
  int margin;
  double label_size;
  double row_size;
  double title_size;
};

struct PlacedText {
  std::vector<std::string> lines;
  int y;  ///< top of the first line
  double size;
  Colour colour;
};

struct PlacedCell {
  const SheetCell* cell;
  int x;
  int y;
  std::vector<std::string> label;
};

/// The positions of all elements. Computed before drawing, because the sheet's height depends on it.
struct Layout {
  int width = 0;
  int height = 0;
  std::vector<PlacedText> texts;
  std::vector<PlacedCell> cells;
};

class LayoutMaker {
 public:
  LayoutMaker(const Style& style, const TextPainter& painter, std::size_t columns)
      : style_(style), painter_(painter), y_(style.margin) {
    const int count = std::max(static_cast<int>(columns), kMinColumns);
    text_width_ = count * style.cell.width + (count - 1) * style.gap;
    layout_.width = text_width_ + 2 * style.margin;
  }

  void add_text(const std::string& text, double size, Colour colour, std::size_t max_lines, int space_after) {
    auto lines = painter_.wrapped(text, size, text_width_, max_lines);
    if (lines.empty()) return;
    const int height = static_cast<int>(lines.size()) * Style::line_height(size);
    layout_.texts.push_back({std::move(lines), y_, size, colour});
    y_ += height + space_after;
  }

  /// Adds one line of cells. All labels below them get the height of the tallest.
  void add_cells(const SheetCell* first, std::size_t count) {
    std::size_t label_lines = 0;
    for (std::size_t i = 0; i < count; ++i) {
      auto label = label_of(first[i]);
      label_lines = std::max(label_lines, label.size());
      const int x = style_.margin + static_cast<int>(i) * (style_.cell.width + style_.gap);
      layout_.cells.push_back({first + i, x, y_, std::move(label)});
    }
    y_ += style_.cell.height + style_.gap;
    if (label_lines > 0) {
      y_ += label_gap() + static_cast<int>(label_lines) * Style::line_height(style_.label_size);
    }
  }

  void add_space(int pixels) { y_ += pixels; }
  int label_gap() const { return std::max(2, style_.gap / 2); }

  Layout finish() {
    layout_.height = y_ + style_.margin - style_.gap;
    return std::move(layout_);
  }

 private:
  /// Labels keep their own line breaks and are not wrapped, so that labels of one row are comparable.
  std::vector<std::string> label_of(const SheetCell& cell) const {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    while (begin < cell.label.size() && lines.size() < kLabelLines) {
      const std::size_t end = std::min(cell.label.find('\n', begin), cell.label.size());
      lines.push_back(
          painter_.shortened(cell.label.substr(begin, end - begin), style_.label_size, style_.cell.width));
      begin = end + 1;
    }
    return lines;
  }

  const Style& style_;
  const TextPainter& painter_;
  Layout layout_;
  int text_width_ = 0;
  int y_;
};

void fill(Image& sheet, int x, int y, int width, int height, Colour colour) {
  for (int row = y; row < y + height; ++row) {
    for (int column = x; column < x + width; ++column) {
      std::memcpy(sheet.at(column, row), colour.data(), colour.size());
    }
  }
}

/// Draws the picture in the middle of its cell.
void draw_picture(Image& sheet, const Image& picture, int x, int y, const Style& style) {
  fill(sheet, x, y, style.cell.width, style.cell.height, kCellGround);
  if (is_empty(picture)) return;
  const Size size = scaled_size(picture, style.side);
  const Image scaled = resize(picture, size.width, size.height, Resample::lanczos);
  const int left = x + (style.cell.width - size.width) / 2;
  const int top = y + (style.cell.height - size.height) / 2;
  for (int row = 0; row < size.height; ++row) {
    std::memcpy(sheet.at(left, top + row), scaled.at(0, row), static_cast<std::size_t>(size.width) * 3);
  }
}

}  // namespace

Image draw_contact_sheet(const std::vector<SheetRow>& rows, const Fonts& font, const std::string& title,
                         int cell_size) {
  if (cell_size < kMinCellSize || cell_size > kMaxCellSize) {
    throw usage_error("contact sheet: cell size " + std::to_string(cell_size) + ", expected " +
                      std::to_string(kMinCellSize) + " to " + std::to_string(kMaxCellSize));
  }
  const TextPainter painter(font);
  const Style style(cell_size, common_cell_size(rows, cell_size));

  // 1. Place titles and cells from top to bottom.
  std::size_t columns = 0;
  for (const SheetRow& row : rows) columns = std::max(columns, cells_per_line(row));
  LayoutMaker maker(style, painter, columns);
  maker.add_text(title, style.title_size, kTitleColour, kTitleLines, style.margin / 2);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (r > 0) maker.add_space(style.gap);
    maker.add_text(rows[r].title, style.row_size, kRowColour, kRowTitleLines, maker.label_gap());
    const std::vector<SheetCell>& cells = rows[r].cells;
    const std::size_t per_line = cells_per_line(rows[r]);
    for (std::size_t i = 0; i < cells.size(); i += per_line) {
      maker.add_cells(cells.data() + i, std::min(cells.size() - i, per_line));
    }
  }
  const Layout layout = maker.finish();
  if (static_cast<std::int64_t>(layout.width) * layout.height > kMaxImagePixels) {
    throw usage_error("contact sheet: " + std::to_string(layout.width) + "x" + std::to_string(layout.height) +
                      " pixels, expected at most " + std::to_string(kMaxImagePixels / 1'000'000) +
                      " million; use smaller or fewer cells");
  }

  // 2. Draw.
  Image sheet(layout.width, layout.height, kGround);
  for (const PlacedText& text : layout.texts) {
    int y = text.y;
    for (const std::string& line : text.lines) {
      painter.draw(sheet, line, style.margin, y + Style::ascent(text.size), text.size, text.colour);
      y += Style::line_height(text.size);
    }
  }
  for (const PlacedCell& placed : layout.cells) {
    draw_picture(sheet, placed.cell->image, placed.x, placed.y, style);
    int y = placed.y + style.cell.height + maker.label_gap();
    for (const std::string& line : placed.label) {
      painter.draw(sheet, line, placed.x, y + Style::ascent(style.label_size), style.label_size,
                   kLabelColour);
      y += Style::line_height(style.label_size);
    }
  }
  return sheet;
}

}  // namespace forgedit
