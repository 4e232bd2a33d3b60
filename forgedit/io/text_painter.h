#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "forgedit/io/image.h"

namespace forgedit {

/// Sets single lines of UTF-8 text in one TrueType font. Characters that the font lacks are skipped.
class TextPainter {
 public:
  /// Throws Error when the file is missing or no TrueType font. Fonts must come from a trusted place.
  explicit TextPainter(const std::filesystem::path& font);
  ~TextPainter();
  TextPainter(const TextPainter&) = delete;
  TextPainter& operator=(const TextPainter&) = delete;

  /// Width in pixels at a font size (the em square's height in pixels).
  double width(const std::string& text, double size) const;

  /// Draws with the baseline at `y`, starting at `x`; what lies outside the picture is cut off.
  void draw(Image& image, const std::string& text, double x, int y, double size,
            std::array<std::uint8_t, 3> colour) const;

  /// `text`, shortened with an ellipsis where it is wider than `max_width`.
  std::string shortened(const std::string& text, double size, double max_width) const;

  /// Breaks at newlines and between words so that lines fit; the last of `max_lines` lines is shortened.
  std::vector<std::string> wrapped(const std::string& text, double size, double max_width,
                                   std::size_t max_lines) const;

 private:
  struct Font;
  std::unique_ptr<Font> font_;
};

}  // namespace forgedit
