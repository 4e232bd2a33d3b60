#include "forgedit/io/text_painter.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

#define STBTT_STATIC
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb_truetype.h>

namespace forgedit {
namespace {

constexpr std::size_t kMaxFontBytes = std::size_t{16} << 20;
constexpr const char* kEllipsis = "\xe2\x80\xa6";

struct CodePoint {
  int value;
  std::size_t end;  ///< position in the string after this character
};

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Decodes UTF-8; a byte that starts no valid character is passed over.
std::vector<CodePoint> code_points(const std::string& text) {
  std::vector<CodePoint> points;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    bool valid = length != 0 && text.size() - i >= length;
    int value = length == 1 ? lead : lead & (0x7f >> length);
    for (std::size_t k = 1; valid && k < length; ++k) {
      valid = is_continuation(text[i + k]);
      value = value << 6 | (text[i + k] & 0x3f);
    }
    i += valid ? length : 1;
    if (valid) points.push_back({value, i});
  }
  return points;
}

}  // namespace

struct TextPainter::Font {
  std::string file;
  stbtt_fontinfo info{};

  /// Calls `use(glyph, x)` for each glyph that the font has and returns the advance of the whole line.
  template <class Use>
  double each_glyph(const std::string& text, double scale, const Use& use) const {
    double x = 0.0;
    int previous = 0;
    for (const auto& point : code_points(text)) {
      const int glyph = stbtt_FindGlyphIndex(&info, point.value);
      if (glyph == 0) continue;
      if (previous != 0) x += scale * stbtt_GetGlyphKernAdvance(&info, previous, glyph);
      use(glyph, x);
      int advance = 0, bearing = 0;
      stbtt_GetGlyphHMetrics(&info, glyph, &advance, &bearing);
      x += scale * advance;
      previous = glyph;
    }
    return x;
  }

  double scale(double size) const { return stbtt_ScaleForMappingEmToPixels(&info, static_cast<float>(size)); }
};

TextPainter::TextPainter(const std::filesystem::path& font) : font_(std::make_unique<Font>()) {
  font_->file = read_file(font, kMaxFontBytes);
  const auto* data = reinterpret_cast<const unsigned char*>(font_->file.data());
  const int offset = font_->file.size() < 64 ? -1 : stbtt_GetFontOffsetForIndex(data, 0);
  if (offset < 0 || !stbtt_InitFont(&font_->info, data, offset)) {
    throw failure(font.string() + ": expected a TrueType font");
  }
}

TextPainter::~TextPainter() = default;

double TextPainter::width(const std::string& text, double size) const {
  return font_->each_glyph(text, font_->scale(size), [](int, double) {});
}

void TextPainter::draw(Image& image, const std::string& text, double x, int y, double size,
                       std::array<std::uint8_t, 3> colour) const {
  const auto scale = static_cast<float>(font_->scale(size));
  std::vector<unsigned char> coverage;
  font_->each_glyph(text, scale, [&](int glyph, double offset) {
    const double pen = x + offset;
    const int column = static_cast<int>(std::floor(pen));
    const auto shift = static_cast<float>(pen - column);
    int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    stbtt_GetGlyphBitmapBoxSubpixel(&font_->info, glyph, scale, scale, shift, 0.0F, &x0, &y0, &x1, &y1);
    const int w = x1 - x0;
    const int h = y1 - y0;
    if (w <= 0 || h <= 0) return;
    coverage.assign(static_cast<std::size_t>(w) * static_cast<std::size_t>(h), 0);
    stbtt_MakeGlyphBitmapSubpixel(&font_->info, coverage.data(), w, h, w, scale, scale, shift, 0.0F, glyph);
    for (int row = std::max(0, -(y + y0)); row < h && y + y0 + row < image.height; ++row) {
      for (int i = std::max(0, -(column + x0)); i < w && column + x0 + i < image.width; ++i) {
        const int alpha = coverage[static_cast<std::size_t>(row) * w + i];
        std::uint8_t* const pixel = image.at(column + x0 + i, y + y0 + row);
        for (std::size_t c = 0; c < 3; ++c) {
          pixel[c] = static_cast<std::uint8_t>((pixel[c] * (255 - alpha) + colour[c] * alpha + 127) / 255);
        }
      }
    }
  });
}

std::string TextPainter::shortened(const std::string& text, double size, double max_width) const {
  if (width(text, size) <= max_width) return text;
  const auto points = code_points(text);
  // Widths grow with the number of characters, so the longest start that fits can be bisected.
  std::size_t fits = 0;
  std::size_t too_many = points.size();
  const auto start = [&](std::size_t count) {
    std::string part = text.substr(0, count == 0 ? 0 : points[count - 1].end);
    while (!part.empty() && part.back() == ' ') part.pop_back();
    return part + kEllipsis;
  };
  while (too_many - fits > 1) {
    const std::size_t middle = (fits + too_many) / 2;
    (width(start(middle), size) <= max_width ? fits : too_many) = middle;
  }
  return start(fits);
}

std::vector<std::string> TextPainter::wrapped(const std::string& text, double size, double max_width,
                                              std::size_t max_lines) const {
  std::vector<std::string> lines;
  std::istringstream paragraphs(text);
  for (std::string paragraph; std::getline(paragraphs, paragraph);) {
    std::istringstream words(paragraph);
    std::string line;
    for (std::string word; words >> word;) {
      std::string longer = line.empty() ? word : line + " " + word;
      if (line.empty() || width(longer, size) <= max_width) {
        line = std::move(longer);
      } else {
        lines.push_back(std::move(line));
        line = word;
      }
    }
    if (!line.empty()) lines.push_back(std::move(line));
  }
  if (lines.size() > max_lines) {
    // Shortening is decided by width, so the cut line gets more text than fits.
    for (std::size_t i = max_lines; i < lines.size(); ++i) lines[max_lines - 1] += " " + lines[i];
    lines.resize(max_lines);
  }
  for (std::string& line : lines) line = shortened(line, size, max_width);
  return lines;
}

}  // namespace forgedit
