#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace forgedit::testing {

/// The one of the sheets.
inline const std::filesystem::path kShippedFont =
    std::filesystem::path(FORGEDIT_SOURCE_DIR) / "assets/fonts/DejaVuSans.ttf";

/// Writes a TrueType font of 1,000 units an em whose only character is `code`: a filled square, or, as in
/// fonts of coloured pictures, nothing.
class FontWriter {
 public:
  static void write(const std::filesystem::path& file, int code, bool filled = true) {
    const FontWriter writer(code, filled);
    std::ofstream(file, std::ios::binary) << writer.bytes_;
  }

 private:
  FontWriter(int code, bool filled) {
    const auto outline = filled ? square() : std::string();
    std::string head(54, '\0');
    put(head, 18, 1000, 2);  // units an em
    put(head, 50, 1, 2);     // long places in loca
    std::string hhea(36, '\0');
    put(hhea, 4, 800, 2);
    put(hhea, 34, 2, 2);  // advances
    std::string maxp(6, '\0');
    put(maxp, 4, 2, 2);  // glyphs
    std::string loca;
    for (const std::size_t place : {std::size_t{0}, std::size_t{0}, outline.size()}) loca += number(place, 4);
    // Format 12: one group of one character, glyph 1.
    auto cmap = number(0, 2) + number(1, 2) + number(3, 2) + number(10, 2) + number(12, 4);
    cmap += number(12, 2) + number(0, 2) + number(28, 4) + number(0, 4) + number(1, 4);
    for (int i = 0; i < 2; ++i) cmap += number(static_cast<std::size_t>(code), 4);
    cmap += number(1, 4);
    const auto hmtx = number(500, 2) + number(0, 2) + number(1000, 2) + number(0, 2);
    set_tables({{"cmap", cmap},
                {"glyf", outline + std::string(4, '\0')},
                {"head", head},
                {"hhea", hhea},
                {"hmtx", hmtx},
                {"loca", loca},
                {"maxp", maxp}});
  }

  static std::string number(std::size_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
    return text;
  }
  static void put(std::string& table, std::size_t place, std::size_t value, int bytes) {
    table.replace(place, static_cast<std::size_t>(bytes), number(value, bytes));
  }

  /// From (100, 0) to (900, 800).
  static std::string square() {
    auto glyph = number(1, 2) + number(100, 2) + number(0, 2) + number(900, 2) + number(800, 2);
    glyph += number(3, 2) + number(0, 2);  // the last point; no instructions
    glyph += std::string(4, '\x01');       // points on the curve, two bytes a step
    for (const int x : {100, 800, 0, -800}) glyph += number(static_cast<std::size_t>(x & 0xffff), 2);
    for (const int y : {0, 0, 800, 0}) glyph += number(static_cast<std::size_t>(y), 2);
    return glyph;
  }

  void set_tables(const std::vector<std::pair<std::string, std::string>>& tables) {
    bytes_ = number(0x00010000, 4) + number(tables.size(), 2) + std::string(6, '\0');
    std::size_t place = 12 + 16 * tables.size();
    std::string data;
    for (const auto& [name, table] : tables) {
      bytes_ += name + number(0, 4) + number(place, 4) + number(table.size(), 4);
      data += table + std::string((4 - table.size() % 4) % 4, '\0');
      place = 12 + 16 * tables.size() + data.size();
    }
    bytes_ += data;
  }

  std::string bytes_;
};

}  // namespace forgedit::testing
