#pragma once

#include <filesystem>
#include <functional>
#include <memory>

namespace forgedit {

/// One memory-mapped font file: a TrueType or OpenType font, or the first font of a collection. Font sizes
/// are the height of the em square in pixels.
class FontFace {
 public:
  /// Reads a font file. Returns null if it cannot be read, has no outlines, or is shorter than its tables.
  static std::unique_ptr<FontFace> read(const std::filesystem::path& file);
  ~FontFace();
  FontFace(const FontFace&) = delete;
  FontFace& operator=(const FontFace&) = delete;

  /// The glyph of a character; 0 if the font lacks it or has only a bitmap of it.
  int glyph(int code) const;
  double advance(int glyph, double size) const;
  double kerning(int left, int right, double size) const;
  /// Calls `use(x, y, alpha)` for all pixels that a glyph covers, relative to the pen on the baseline.
  /// `shift` is the pen's fraction of a pixel.
  void each_pixel(int glyph, double size, double shift, const std::function<void(int, int, int)>& use) const;

 private:
  struct Data;
  explicit FontFace(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

}  // namespace forgedit
