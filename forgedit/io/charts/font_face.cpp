#include "forgedit/io/charts/font_face.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <vector>

#define STBTT_STATIC
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb_truetype.h>

namespace forgedit {
namespace {

constexpr std::size_t kSmallestFont = 64, kLargestFont = std::size_t{256} << 20;

std::size_t big_endian(const unsigned char* bytes, int count) {
  std::size_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

/// Whether all tables of the font at `offset` are inside the file.
bool is_whole(const unsigned char* file, std::size_t size, std::size_t offset) {
  constexpr std::size_t kHeader = 12, kEntry = 16;
  if (offset + kHeader > size) return false;
  const auto tables = big_endian(file + offset + 4, 2);
  if (offset + kHeader + tables * kEntry > size) return false;
  for (std::size_t i = 0; i < tables; ++i) {
    const auto* entry = file + offset + kHeader + i * kEntry;
    if (big_endian(entry + 8, 4) + big_endian(entry + 12, 4) > size) return false;
  }
  return true;
}

bool is_space(int code) {
  return code == ' ' || code == 0xa0 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
         code == 0x3000;
}

}  // namespace

struct FontFace::Data {
  void* file = MAP_FAILED;
  std::size_t size = 0;
  stbtt_fontinfo info{};

  ~Data() {
    if (file != MAP_FAILED) ::munmap(file, size);
  }
  float scale(double font_size) const {
    return stbtt_ScaleForMappingEmToPixels(&info, static_cast<float>(font_size));
  }
};

std::unique_ptr<FontFace> FontFace::read(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return nullptr;
  auto data = std::make_unique<Data>();
  struct stat status {};
  const bool fits = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                    status.st_size >= static_cast<off_t>(kSmallestFont) &&
                    status.st_size <= static_cast<off_t>(kLargestFont);
  if (fits) {
    data->size = static_cast<std::size_t>(status.st_size);
    data->file = ::mmap(nullptr, data->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  }
  ::close(descriptor);
  if (data->file == MAP_FAILED) return nullptr;
  const auto* bytes = static_cast<const unsigned char*>(data->file);
  const int offset = stbtt_GetFontOffsetForIndex(bytes, 0);
  if (offset < 0 || !is_whole(bytes, data->size, static_cast<std::size_t>(offset)) ||
      !stbtt_InitFont(&data->info, bytes, offset)) {
    return nullptr;
  }
  return std::unique_ptr<FontFace>(new FontFace(std::move(data)));
}

FontFace::FontFace(std::unique_ptr<Data> data) : data_(std::move(data)) {}

FontFace::~FontFace() = default;

int FontFace::glyph(int code) const {
  const int glyph = stbtt_FindGlyphIndex(&data_->info, code);
  // Fonts with colour bitmaps have glyphs without outlines.
  return glyph != 0 && (is_space(code) || !stbtt_IsGlyphEmpty(&data_->info, glyph)) ? glyph : 0;
}

double FontFace::advance(int glyph, double size) const {
  int advance = 0, bearing = 0;
  stbtt_GetGlyphHMetrics(&data_->info, glyph, &advance, &bearing);
  return data_->scale(size) * advance;
}

double FontFace::kerning(int left, int right, double size) const {
  return data_->scale(size) * stbtt_GetGlyphKernAdvance(&data_->info, left, right);
}

void FontFace::each_pixel(int glyph, double size, double shift,
                          const std::function<void(int, int, int)>& use) const {
  const auto* info = &data_->info;
  const auto scale = data_->scale(size);
  const auto part = static_cast<float>(shift);
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  stbtt_GetGlyphBitmapBoxSubpixel(info, glyph, scale, scale, part, 0.0F, &x0, &y0, &x1, &y1);
  const int width = x1 - x0, height = y1 - y0;
  if (width <= 0 || height <= 0) return;
  std::vector<unsigned char> coverage(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  stbtt_MakeGlyphBitmapSubpixel(info, coverage.data(), width, height, width, scale, scale, part, 0.0F, glyph);
  for (int row = 0; row < height; ++row) {
    for (int i = 0; i < width; ++i) {
      const int alpha = coverage[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + i];
      if (alpha > 0) use(x0 + i, y0 + row, alpha);
    }
  }
}

}  // namespace forgedit
