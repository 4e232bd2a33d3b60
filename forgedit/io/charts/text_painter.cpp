#include "forgedit/io/charts/text_painter.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <sstream>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/io/charts/font_face.h"

namespace forgedit {
namespace {

constexpr const char* kEllipsis = "\xe2\x80\xa6";
constexpr const char* kMiddleDot = "\xc2\xb7";

struct CodePoint {
  int value;
  std::size_t end;  ///< position in the string after this character
};

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Decodes UTF-8 and skips bytes that start no valid character.
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
    if (valid) points.push_back({value == '\t' ? ' ' : value, i});
  }
  return points;
}

bool is_within(int code, std::initializer_list<std::pair<int, int>> ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return code >= range.first && code <= range.second; });
}

/// Whether a character is invisible by itself: controls, joiners, direction marks, variation selectors.
bool is_unseen(int code) {
  return is_within(code, {{0, 0x1f},
                          {0x7f, 0x9f},
                          {0xad, 0xad},
                          {0x200b, 0x200f},
                          {0x2028, 0x202e},
                          {0x2060, 0x206f},
                          {0xfe00, 0xfe0f},
                          {0xfeff, 0xfeff},
                          {0xe0000, 0xe0fff}});
}

/// Whether a line may begin with this character without a blank before it.
bool is_ideograph(int code) {
  return is_within(
      code, {{0x2e80, 0x2fff}, {0x3040, 0x9fff}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0x20000, 0x3ffff}});
}

struct Word {
  std::string text;
  bool blank;  ///< a blank comes before it, unless it begins a line
};

std::vector<Word> words_of(const std::string& paragraph) {
  std::vector<Word> words;
  std::istringstream stream(paragraph);
  for (std::string word; stream >> word;) {
    if (word == kMiddleDot && !words.empty()) {
      words.back().text += " " + word;
      continue;
    }
    words.push_back({{}, true});
    std::size_t begin = 0;
    bool after_ideograph = false;
    for (const auto& point : code_points(word)) {
      const bool breaks = is_ideograph(point.value) || (after_ideograph && point.value < 0x2000);
      if (breaks && !words.back().text.empty()) words.push_back({{}, false});
      words.back().text += word.substr(begin, point.end - begin);
      begin = point.end;
      after_ideograph = is_ideograph(point.value);
    }
  }
  std::erase_if(words, [](const Word& word) { return word.text.empty(); });
  return words;
}

// The box for a character that no font has, in fractions of the font size.
constexpr double kBoxGap = 0.08, kBoxTop = 0.82, kBoxBottom = 0.14, kDigitSize = 0.46;

/// The hexadecimal digits of a character's code, in two lines.
std::pair<std::string, std::string> code_lines(int code) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%04X", static_cast<unsigned>(code));
  std::string text = digits;
  if (text.size() % 2 != 0) text.insert(0, "0");
  return {text.substr(0, text.size() / 2), text.substr(text.size() / 2)};
}

void blend(Image& image, int x, int y, int alpha, std::array<std::uint8_t, 3> colour) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  auto* const pixel = image.at(x, y);
  for (std::size_t c = 0; c < 3; ++c) {
    pixel[c] = static_cast<std::uint8_t>((pixel[c] * (255 - alpha) + colour[c] * alpha + 127) / 255);
  }
}

}  // namespace

/// The main font, and those fallback fonts that have been needed so far.
class TextPainter::FontSet {
 public:
  explicit FontSet(const Fonts& fonts) : folders_(fonts.folders) {
    faces_.push_back(FontFace::read(fonts.main));
    if (faces_.front()) return;
    std::error_code error;
    throw failure(fonts.main.string() + (std::filesystem::exists(fonts.main, error)
                                             ? ": expected a TrueType font"
                                             : ": no such file"));
  }

  const FontFace& main() const { return *faces_.front(); }

  /// The first font that has the character, and its glyph. The font is null if no font has it.
  std::pair<const FontFace*, int> find(int code) {
    const auto [known, is_new] = found_.try_emplace(code, nullptr, 0);
    for (std::size_t i = 0; is_new && (i < faces_.size() || open_another()); ++i) {
      if (const int glyph = faces_[i]->glyph(code); glyph != 0) {
        known->second = {faces_[i].get(), glyph};
        break;
      }
    }
    return known->second;
  }

  /// Calls `use(face, glyph, code, x)` for each character, and returns the advance of the whole line. `face`
  /// is null for a character that no font has.
  template <class Use>
  double each_glyph(const std::string& text, double size, const Use& use) {
    double x = 0.0;
    const FontFace* last_face = nullptr;
    int last_glyph = 0;
    for (const auto& point : code_points(text)) {
      if (is_unseen(point.value)) continue;
      const auto [face, glyph] = find(point.value);
      if (face && face == last_face) x += face->kerning(last_glyph, glyph, size);
      use(face, glyph, point.value, x);
      x += face ? face->advance(glyph, size) : box_width(point.value, size) + 2 * kBoxGap * size;
      last_face = face;
      last_glyph = glyph;
    }
    return x;
  }

  double box_width(int code, double size) const {
    return digits_width(code_lines(code).second, size) + 2 * kBoxGap * size;
  }

  double digits_width(const std::string& digits, double size) const {
    double width = 0;
    for (const char digit : digits) width += main().advance(main().glyph(digit), kDigitSize * size);
    return width;
  }

 private:
  bool open_another() {
    if (!listed_) {
      files_ = font_files(folders_);
      listed_ = true;
    }
    while (next_ < files_.size()) {
      auto face = FontFace::read(files_[next_++]);
      if (!face) continue;
      faces_.push_back(std::move(face));
      return true;
    }
    return false;
  }

  std::vector<std::filesystem::path> folders_, files_;
  bool listed_ = false;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<FontFace>> faces_;
  std::map<int, std::pair<const FontFace*, int>> found_;  // by character
};

TextPainter::TextPainter(const Fonts& fonts) : fonts_(std::make_unique<FontSet>(fonts)) {}

TextPainter::~TextPainter() = default;

std::size_t TextPainter::lacking(const std::string& text) const {
  std::size_t count = 0;
  fonts_->each_glyph(text, 1, [&](const FontFace* face, int, int, double) { count += face == nullptr; });
  return count;
}

double TextPainter::width(const std::string& text, double size) const {
  return fonts_->each_glyph(text, size, [](const FontFace*, int, int, double) {});
}

void TextPainter::draw(Image& image, const std::string& text, double x, int y, double size,
                       std::array<std::uint8_t, 3> colour) const {
  const auto draw_glyph = [&](const FontFace& face, int glyph, double pen, int baseline, double font_size) {
    const int column = static_cast<int>(std::floor(pen));
    face.each_pixel(glyph, font_size, pen - column, [&](int dx, int dy, int alpha) {
      blend(image, column + dx, baseline + dy, alpha, colour);
    });
  };
  const auto draw_box = [&](int code, double pen) {
    const int left = static_cast<int>(std::lround(pen + kBoxGap * size)),
              right = static_cast<int>(std::lround(pen + kBoxGap * size + fonts_->box_width(code, size))),
              top = y - static_cast<int>(std::lround(kBoxTop * size)),
              bottom = y + static_cast<int>(std::lround(kBoxBottom * size));
    for (int column = left; column <= right; ++column) {
      blend(image, column, top, 255, colour);
      blend(image, column, bottom, 255, colour);
    }
    for (int row = top + 1; row < bottom; ++row) {
      blend(image, left, row, 255, colour);
      blend(image, right, row, 255, colour);
    }
    const auto [above, below] = code_lines(code);
    for (const auto& [digits, baseline] :
         {std::pair{above, (top + y) / 2}, {below, bottom - (bottom - y) / 2 - 1}}) {
      double place = left + kBoxGap * size + 0.5;
      for (const char digit : digits) {
        const int glyph = fonts_->main().glyph(digit);
        draw_glyph(fonts_->main(), glyph, place, baseline, kDigitSize * size);
        place += fonts_->main().advance(glyph, kDigitSize * size);
      }
    }
  };
  fonts_->each_glyph(text, size, [&](const FontFace* face, int glyph, int code, double offset) {
    if (face) {
      draw_glyph(*face, glyph, x + offset, y, size);
    } else {
      draw_box(code, x + offset);
    }
  });
}

std::string TextPainter::shortened(const std::string& text, double size, double max_width) const {
  if (width(text, size) <= max_width) return text;
  const auto points = code_points(text);
  // Width grows with the number of characters, so the longest prefix that fits is found by bisection.
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
    std::string line;
    for (const auto& word : words_of(paragraph)) {
      std::string longer = line.empty() ? word.text : line + (word.blank ? " " : "") + word.text;
      if (line.empty() || width(longer, size) <= max_width) {
        line = std::move(longer);
      } else {
        lines.push_back(std::move(line));
        line = word.text;
      }
    }
    if (!line.empty()) lines.push_back(std::move(line));
  }
  if (lines.size() > max_lines) {
    // Shortening cuts by width, so append the remaining lines to the last one.
    for (std::size_t i = max_lines; i < lines.size(); ++i) lines[max_lines - 1] += " " + lines[i];
    lines.resize(max_lines);
  }
  for (std::string& line : lines) line = shortened(line, size, max_width);
  return lines;
}

}  // namespace forgedit
