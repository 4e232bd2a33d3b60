#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Draws single lines of UTF-8 text. A character that no font has is drawn as a box with its code, so that
/// different texts look different. Invisible characters are skipped.
class TextPainter {
 public:
  /// Throws Error if the main font is missing or is no TrueType font.
  explicit TextPainter(const Fonts& fonts);
  ~TextPainter();
  TextPainter(const TextPainter&) = delete;
  TextPainter& operator=(const TextPainter&) = delete;

  /// The number of characters of `text` that no font has.
  std::size_t lacking(const std::string& text) const;

  /// Returns the width of `text` in pixels at a font size (height of the em square in pixels).
  double width(const std::string& text, double size) const;

  /// Draws from `x` on with the baseline at `y`. Pixels outside the picture are skipped.
  void draw(Image& image, const std::string& text, double x, int y, double size,
            std::array<std::uint8_t, 3> colour) const;

  /// Returns `text`, shortened with an ellipsis if it is wider than `max_width`.
  std::string shortened(const std::string& text, double size, double max_width) const;

  /// Breaks text at newlines, between words and between ideographs, so that lines fit. No line begins with
  /// "·". If there are more than `max_lines` lines, the last one is shortened.
  std::vector<std::string> wrapped(const std::string& text, double size, double max_width,
                                   std::size_t max_lines) const;

 private:
  class FontSet;
  std::unique_ptr<FontSet> fonts_;
};

}  // namespace forgedit
