#pragma once

#include <filesystem>
#include <functional>
#include <memory>

namespace forgedit {

/// One font file, mapped into memory: a TrueType or OpenType font, of a collection the first. Sizes are the
/// em square's height in pixels.
class FontFace {
 public:
  /// Nothing for a file that cannot be read, is no font with outlines, or is shorter than its tables.
  static std::unique_ptr<FontFace> read(const std::filesystem::path& file);
  ~FontFace();
  FontFace(const FontFace&) = delete;
  FontFace& operator=(const FontFace&) = delete;

  /// The glyph of a character; 0 where the font lacks it or has only a picture of it.
  int glyph(int code) const;
  double advance(int glyph, double size) const;
  double kerning(int left, int right, double size) const;
  /// Calls `use(x, y, alpha)` for all pixels that a glyph covers, from the pen on the baseline; `shift`: the
  /// pen's part of a pixel.
  void each_pixel(int glyph, double size, double shift, const std::function<void(int, int, int)>& use) const;

 private:
  struct Data;
  explicit FontFace(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

}  // namespace forgedit
